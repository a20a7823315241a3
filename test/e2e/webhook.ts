/** An admission webhook as a server of the test's own, registered for one namespace. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Json } from '../controlplane/request.ts';
import { makeCertificate } from '../gitserver/certificates.ts';
import { type Cluster, waitFor } from './cluster.ts';

export interface Review {
  readonly dryRun: boolean;
  readonly operation: string;
  readonly object: Json;
  readonly user: string;
}

/** Lets it pass (with warnings), denies it, or changes it (JSON patch). */
export interface Verdict {
  readonly deny?: string;
  readonly patch?: readonly object[];
  readonly warnings?: readonly string[];
}

export interface Webhook {
  /** What it was asked, in order. */
  readonly reviews: Review[];
  /** Nothing answers there any more; the registration stays. */
  stop(): Promise<void>;
  /** Takes the registration away, and stops. */
  remove(): Promise<void>;
}

export interface WebhookOptions {
  readonly namespace: string;
  readonly name: string;
  readonly mutating?: boolean;
  readonly rule: { readonly apiGroups: readonly string[]; readonly resources: readonly string[] };
  readonly decide: (review: Review) => Verdict | Promise<Verdict>;
}

/** Starts it and resolves once the API server asks it. */
export async function startWebhook(cluster: Cluster, options: WebhookOptions): Promise<Webhook> {
  const { namespace, name, mutating = false, rule } = options;
  const { ca, cert, key } = makeCertificate();
  const reviews: Review[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { request: asked } = JSON.parse(Buffer.concat(chunks).toString());
      const review = { dryRun: asked.dryRun === true, operation: asked.operation, object: asked.object, user: asked.userInfo.username };
      const isProbe = review.object?.metadata?.name === 'webhook-probe';
      if (!isProbe) reviews.push(review);
      const verdict = isProbe ? { deny: 'probe' } : options.decide(review);
      void Promise.resolve(verdict).then(({ deny, patch, warnings }) => {
        const answer = {
          uid: asked.uid,
          allowed: deny === undefined,
          ...(warnings && { warnings }),
          ...(deny === undefined ? {} : { status: { message: deny } }),
          ...(patch === undefined ? {} : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }),
        };
        const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer });
        response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const { port } = server.address() as AddressInfo;
  const kind = mutating ? 'mutatingwebhookconfigurations' : 'validatingwebhookconfigurations';
  const path = `/apis/admissionregistration.k8s.io/v1/${kind}`;
  await cluster.request.ok('POST', path, {
    body: {
      metadata: { name: `${namespace}-${name}` },
      webhooks: [
        {
          name: `${name}.example.com`,
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Fail',
          timeoutSeconds: 5,
          clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: Buffer.from(ca).toString('base64') },
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          rules: [{ ...rule, apiVersions: ['*'], operations: ['CREATE', 'UPDATE', 'DELETE'] }],
        },
        // The API server takes a registration in some time after it has stored it: this one shows when.
        {
          name: 'probe.example.com',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Fail',
          clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: Buffer.from(ca).toString('base64') },
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          objectSelector: { matchLabels: { probe: 'webhook' } },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
        },
      ],
    },
  });
  await waitFor(`webhook ${name} is asked`, async () => {
    const body = { metadata: { name: 'webhook-probe', labels: { probe: 'webhook' } } };
    const { status } = await cluster.request.raw('POST', `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`, { body });
    return status >= 400;
  });
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return {
    reviews,
    stop,
    async remove() {
      await cluster.request.ok('DELETE', `${path}/${namespace}-${name}`);
      await stop();
    },
  };
}
