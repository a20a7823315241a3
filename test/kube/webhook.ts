/** An admission webhook of a test's own, and its registration for one namespace. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeCertificate } from '../gitserver/certificates.ts';
import type { Cluster } from '../e2e/cluster.ts';

export interface Review {
  readonly uid: string;
  readonly dryRun?: boolean;
  readonly name: string;
}

export interface Denial {
  readonly code?: number;
  readonly message: string;
}

/** Registers `NAME.example.com` for ConfigMaps and Secrets of a namespace; `decide` lets pass with undefined. */
export async function startWebhook(
  cluster: Cluster,
  namespace: string,
  name: string,
  decide: (review: Review) => Denial | undefined,
): Promise<{ close(): Promise<void> }> {
  const { ca, cert, key } = makeCertificate({ hosts: ['127.0.0.1'] });
  const server = createServer({ cert, key }, (request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const review = JSON.parse(Buffer.concat(chunks).toString()) as { readonly request: Review };
      const status = decide(review.request);
      const answer = { uid: review.request.uid, allowed: status === undefined, ...(status === undefined ? {} : { status }) };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await register(cluster, namespace, name, { url: `https://127.0.0.1:${port}/`, caBundle: Buffer.from(ca).toString('base64') });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Registers a webhook, whether or not anything answers there. */
export async function register(
  cluster: Cluster,
  namespace: string,
  name: string,
  clientConfig: { readonly url: string; readonly caBundle?: string },
): Promise<void> {
  const webhook = {
    name: `${name}.example.com`,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    timeoutSeconds: 2,
    failurePolicy: 'Fail',
    clientConfig,
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps', 'secrets'] }],
  };
  await cluster.request.ok('POST', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', {
    body: { metadata: { name }, webhooks: [webhook] },
  });
}
