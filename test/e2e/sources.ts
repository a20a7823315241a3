/** GitOpsSources as a user handles them: applied, looked at, waited for. */
import type { Json } from '../controlplane/request.ts';
import { NotYet, waitFor } from '../controlplane/wait-for.ts';
import type { Cluster } from './cluster.ts';

export interface SourceText {
  readonly namespace: string;
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}

/** `/apis/plumbline.dev/v1/namespaces/NAMESPACE/gitopssources/NAME` */
export function sourcePath(namespace: string, name: string): string {
  return `/apis/plumbline.dev/v1/namespaces/${namespace}/gitopssources/${name}`;
}

/** Applies a source by server-side apply, as kubectl does; rejects with what the API server says. */
export async function applySource(cluster: Cluster, source: SourceText): Promise<Json> {
  const { namespace, name, annotations, spec } = source;
  const body = {
    apiVersion: 'plumbline.dev/v1',
    kind: 'GitOpsSource',
    metadata: { namespace, name, ...(annotations && { annotations }) },
    spec,
  };
  const path = `${sourcePath(namespace, name)}?fieldManager=kubectl&force=true`;
  return await cluster.request.ok('PATCH', path, { body, contentType: 'application/apply-patch+yaml' });
}

/** Changes a source by a merge patch. */
export async function patchSource(cluster: Cluster, namespace: string, name: string, patch: object): Promise<Json> {
  return await cluster.request.ok('PATCH', sourcePath(namespace, name), { body: patch });
}

/** The source as it is; undefined when it is gone. */
export async function getSource(cluster: Cluster, namespace: string, name: string): Promise<Json> {
  return await cluster.request.get(sourcePath(namespace, name));
}

/** A condition of a source's status. */
export function conditionOf(source: Json, type: string): Condition | undefined {
  return source.status?.conditions?.find((one: Condition) => one.type === type);
}

export interface ConditionWanted {
  readonly type?: string;
  readonly status: Condition['status'];
  readonly reason?: string;
  /** What the message has to hold. */
  readonly message?: string | RegExp;
  /** Only once this commit was applied, and healthy where that is waited for. */
  readonly applied?: string;
  readonly deadlineMs?: number;
}

/** Waits until a source has the condition (default type Ready) for its present generation, and gives the source. */
export async function waitForCondition(cluster: Cluster, namespace: string, name: string, wanted: ConditionWanted): Promise<Json> {
  const { type = 'Ready', status, reason, message, applied, deadlineMs = 30_000 } = wanted;
  const what = [`${namespace}/${name} is ${type}=${status}`, reason, applied && `at ${applied}`].filter(Boolean).join(', ');
  return await waitFor(
    what,
    async () => {
      const source = await getSource(cluster, namespace, name);
      const found = source && conditionOf(source, type);
      const fits =
        found?.status === status &&
        found.observedGeneration === source.metadata.generation &&
        (reason === undefined || found.reason === reason) &&
        (message === undefined || (typeof message === 'string' ? found.message.includes(message) : message.test(found.message))) &&
        (applied === undefined || isSettled(source, applied));
      if (!fits)
        throw new NotYet(source === undefined ? 'no such source' : { generation: source.metadata.generation, status: source.status });
      return source;
    },
    deadlineMs,
  );
}

/** Ready stays what it was while a revision is waited for to become healthy. */
function isSettled(source: Json, commit: string): boolean {
  return source.status.revision?.applied?.commit === commit && conditionOf(source, 'Reconciling')?.reason !== 'AwaitingHealth';
}

/** Waits until a source is Ready at a commit: everything of it is applied, and healthy. */
export function waitUntilApplied(cluster: Cluster, namespace: string, name: string, commit: string, deadlineMs = 30_000): Promise<Json> {
  return waitForCondition(cluster, namespace, name, { status: 'True', applied: commit, deadlineMs });
}
