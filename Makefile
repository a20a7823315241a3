# Every command of the project. Each target does its own set-up; a machine needs npm, git, curl and Go. The tests also
# need Prometheus and OpenSSH's server: as root on Debian they install them, elsewhere they name what is missing.
#
#   make setup       bring the control plane's binaries (downloaded or built once, kept per user)
#   make demo        the whole story on a real control plane; KEEP=1 leaves it running
#   make test        everything that is checked; K8S=1.36 on another minor, ONLY=render only the test files that match
#   make soak        the long tests in full
#   make fuzz        a million inputs for each parser; TARGET=pack one parser, SEED=7 other inputs
#   make bench       the figures in the README
#   make clean-cache take the kept binaries away

export K8S ?=
export KEEP ?=
export TARGET ?=
export SEED ?=
export FROM ?=
export COUNT ?=
# The pinned Node comes with the packages.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: setup demo test soak fuzz bench clean-cache tools packages
.DEFAULT_GOAL := test

setup: packages
	@node test/controlplane/setup.ts

demo: packages
	@node test/demo/main.ts

test: packages
	@node test/run.ts $(if $(ONLY),--only '$(ONLY)')

soak: packages
	@node test/run.ts --soak $(if $(ONLY),--only '$(ONLY)')

fuzz: packages
	@node test/fuzz/main.ts

bench: packages
	@node bench/run.ts

clean-cache: packages
	@node test/controlplane/setup.ts --clean

packages: tools node_modules/.installed

node_modules/.installed: package.json package-lock.json
	@echo 'installing packages (about a minute)'
	@npm ci --loglevel=error
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)' \
	  || { echo 'Node 24 or newer is missing: no package brings it to this platform, get it from https://nodejs.org/' >&2; exit 1; }
	@touch $@

tools:
	@missing=''; \
	need() { command -v "$$1" >/dev/null || { missing=yes; echo "$$1 is missing: $$2" >&2; }; }; \
	need npm 'it comes with Node.js, from https://nodejs.org/ or your package manager (apt-get install npm)'; \
	need git 'get it from https://git-scm.com/ or your package manager (apt-get install git)'; \
	need curl 'get it from https://curl.se/ or your package manager (apt-get install curl)'; \
	need go 'get it from https://go.dev/dl/ (1.26 or newer; one from 1.21 on fetches that by itself)'; \
	test -z "$$missing"
