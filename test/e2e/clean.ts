/** Making a control plane fit for the next test file. */
import type { Requester } from '../controlplane/request.ts';
import { waitFor } from '../controlplane/wait-for.ts';

const ownCrd = 'gitopssources.plumbline.dev';
const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

interface Named {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly finalizers?: readonly string[] };
}

/**
 * Takes away what could meddle with other tests: sources (no operator runs that could free them), webhooks, aggregated
 * APIs, CRDs, and what releases of the chart share a name in. Namespaces, other cluster roles and the like stay: tests name theirs uniquely, and to empty a namespace costs the API server
 * some two hundred requests, half of all that a run had.
 */
export async function cleanPlane(request: Requester): Promise<void> {
  const hooks = '/apis/admissionregistration.k8s.io/v1';
  await request.ok('DELETE', `${hooks}/validatingwebhookconfigurations`);
  await request.ok('DELETE', `${hooks}/mutatingwebhookconfigurations`);
  const sources: Named[] = (await request.get('/apis/plumbline.dev/v1/gitopssources'))?.items ?? [];
  for (const { metadata } of sources) {
    const path = `/apis/plumbline.dev/v1/namespaces/${metadata.namespace}/gitopssources/${metadata.name}`;
    await gone(request, 'PATCH', path, { metadata: { finalizers: null } });
    await gone(request, 'DELETE', path);
  }
  const kinds: Named[] = (await request.ok('GET', crds)).items;
  const apis = '/apis/apiregistration.k8s.io/v1/apiservices';
  const services: (Named & { readonly spec: { readonly service?: object } })[] = (await request.ok('GET', apis)).items;
  for (const { metadata, spec } of services) if (spec.service !== undefined) await gone(request, 'DELETE', `${apis}/${metadata.name}`);
  for (const plural of ['clusterroles', 'clusterrolebindings'])
    await request.ok('DELETE', `/apis/rbac.authorization.k8s.io/v1/${plural}?labelSelector=app.kubernetes.io/managed-by%3DHelm`);
  for (const { metadata } of kinds.filter((kind) => kind.metadata.name !== ownCrd))
    await gone(request, 'DELETE', `${crds}/${metadata.name}`);
}

/** Has the GitOpsSource CRD served as its file has it. */
export async function bringCrd(request: Requester, text: string): Promise<void> {
  const path = `${crds}/${ownCrd}?fieldManager=kubectl&force=true`;
  await request.ok('PATCH', path, { body: text, contentType: 'application/apply-patch+yaml' });
  await waitFor('the CRD is served', () => request.get('/apis/plumbline.dev/v1/gitopssources'));
}

/** Takes the GitOpsSource CRD away, of which no object is left. */
export async function removeCrd(request: Requester): Promise<void> {
  await gone(request, 'DELETE', `${crds}/${ownCrd}`);
  await waitFor('the CRD is gone', async () => (await request.get(`${crds}/${ownCrd}`)) === undefined);
}

/** A request about something that may be gone already. */
async function gone(request: Requester, method: string, path: string, body?: unknown): Promise<void> {
  const { status } = await request.raw(method, path, body === undefined ? {} : { body });
  if (status > 299 && status !== 404 && status !== 409) throw new Error(`${method} ${path}: ${status}`);
}
