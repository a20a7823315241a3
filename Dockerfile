# Builds the operator's image: docker build -t registry.example.com/plumbline:0.1.0 .
#
# The tag names one Node release; where policy asks for a digest, or for an image without a shell, say which:
# --build-arg NODE_IMAGE=node:24.21.0-trixie-slim@sha256:… (RUNTIME_IMAGE for the second stage alone; node is expected in
# /usr/local/bin). For the same bytes from the same commit give SOURCE_DATE_EPOCH, and BuildKit the output option
# rewrite-timestamp=true.
ARG NODE_IMAGE=node:24.21.0-trixie-slim
ARG RUNTIME_IMAGE=${NODE_IMAGE}

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund
COPY operator operator
RUN npm run bundle

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="plumbline" \
      org.opencontainers.image.description="An in-cluster GitOps operator that always knows which commit runs where" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
# The C library gives freed memory back to the system soon, and has no arena for each thread of its own.
ENV NODE_ENV=production MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072
COPY --from=build /build/dist/plumbline.mjs /build/dist/plumbline.mjs.LEGAL.txt /build/dist/bcrypt-thread.mjs /app/
# A number, so that runAsNonRoot can be checked without /etc/passwd.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080 9292
# After a storm V8 would keep over 100 MiB of garbage, since an idle process has no reason to collect it: it grows less, and
# the operator collects by itself once it is quiet.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=8", "--heap-growing-percent=20", "--expose-gc", "/app/plumbline.mjs"]
