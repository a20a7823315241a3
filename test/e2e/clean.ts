/** Making a control plane fit for the next test file. */
import type { Requester } from '../controlplane/request.ts';

const ownCrd = 'gitopssources.plumbline.dev';

interface Named {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly finalizers?: readonly string[] };
}

/**
 * Takes away what could meddle with other tests: sources (no operator runs that could free them), webhooks, CRDs.
 * Namespaces, cluster roles and the like stay: tests name theirs uniquely, and to empty a namespace costs the API server
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
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const kinds: Named[] = (await request.ok('GET', crds)).items;
  for (const { metadata } of kinds.filter((kind) => kind.metadata.name !== ownCrd))
    await gone(request, 'DELETE', `${crds}/${metadata.name}`);
}

/** A request about something that may be gone already. */
async function gone(request: Requester, method: string, path: string, body?: unknown): Promise<void> {
  const { status } = await request.raw(method, path, body === undefined ? {} : { body });
  if (status > 299 && status !== 404 && status !== 409) throw new Error(`${method} ${path}: ${status}`);
}
