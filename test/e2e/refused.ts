/** A revision over a running one that is refused: what people read, and that nothing in the cluster was lost. */
import { expect } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import { NotYet, waitFor } from '../controlplane/wait-for.ts';
import type { AuditEvent } from './audit.ts';
import type { Cluster } from './cluster.ts';
import type { Stage } from './scene.ts';
import { conditionOf, waitForCondition, waitUntilApplied } from './sources.ts';

type Files = Parameters<Stage['repo']['write']>[0];

/** Members of every kind that these tests deploy, by kind and name: uid and what they state. Equal means that nothing happened. */
export async function membersOf(stage: Stage): Promise<Readonly<Record<string, unknown>>> {
  const kinds = 'configmaps,secrets,services,serviceaccounts,deployments,jobs,roles,rolebindings';
  const list = JSON.parse(await stage.kubectl('get', kinds, '-l', 'applyset.kubernetes.io/part-of', '-o', 'json'));
  return Object.fromEntries(
    list.items.map(({ kind, metadata, spec, data }: Json) => [
      `${kind} ${metadata.name}`,
      { uid: metadata.uid, annotations: metadata.annotations, spec, data },
    ]),
  );
}

/** A source that runs these files; gives their commit. */
export async function running(cluster: Cluster, stage: Stage, files: Files, spec: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const commit = await stage.repo.write(files);
  await stage.source(spec);
  await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  return commit;
}

export interface Refusal {
  readonly reason: string;
  readonly commit: string;
  readonly message: string;
}

/**
 * Pushes what is to be refused over a running revision and waits until it is, with this reason. Every member is as it
 * was, the applied revision stays, and the message says so.
 */
export async function pushRefused(cluster: Cluster, stage: Stage, files: Files, reason: string): Promise<Refusal> {
  const before = await membersOf(stage);
  const commit = await stage.repo.write(files);
  await stage.request();
  const refusal = await refusalOf(cluster, stage, reason, commit);
  const { applied } = refusal;
  expect(applied).toEqual(expect.any(String));
  expect(refusal.message).toContain(`Nothing was changed; main@${applied?.slice(0, 7)} keeps running.`);
  expect(await membersOf(stage)).toEqual(before);
  return refusal;
}

/** Waits until this commit was tried and failed with this reason. */
export async function refusalOf(
  cluster: Cluster,
  stage: Stage,
  reason: string,
  commit: string,
  name = 'shop',
): Promise<Refusal & { readonly applied: string | undefined; readonly source: Json }> {
  const source = await waitFor(`${name} is refused with ${reason}`, async () => {
    const now = await waitForCondition(cluster, stage.namespace, name, { status: 'False' });
    const ready = conditionOf(now, 'Ready');
    if (ready?.reason !== reason || now.status.revision.attempted?.commit !== commit) throw new NotYet(now.status);
    return now;
  });
  expect(source.status.revision.applied?.commit).not.toBe(commit);
  expect(conditionOf(source, 'Reconciling')).toMatchObject({ status: 'True' });
  expect(conditionOf(source, 'Stalled')).toMatchObject({ status: 'False' });
  const message = conditionOf(source, 'Ready')?.message ?? '';
  return { reason, commit, message, applied: source.status.revision.applied?.commit, source };
}

/** Pushes a mended revision, which has to be applied. */
export async function heal(stage: Stage, files: Files): Promise<void> {
  await stage.deploy(files);
}

/** Waits for an event about a source; `note` is what it has to hold. */
export function waitForEvent(cluster: Cluster, namespace: string, name: string, reason: string, note: string | RegExp = ''): Promise<Json> {
  return waitFor(`an event ${reason} about ${namespace}/${name}`, async () => {
    const { items } = await cluster.request.ok('GET', `/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
    const about = items.filter((event: Json) => event.regarding.kind === 'GitOpsSource' && event.regarding.name === name);
    const found = about.find(
      (event: Json) => event.reason === reason && (typeof note === 'string' ? event.note.includes(note) : note.test(event.note)),
    );
    if (found === undefined) throw new NotYet(about.map((event: Json) => `${event.reason}: ${event.note}`).join('\n'));
    return found;
  });
}

const writing = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Writes on behalf of a user (`system:serviceaccount:…`) that were no dry run and not its questions about its own rights. */
export function writesAs(events: readonly AuditEvent[], user: string): readonly AuditEvent[] {
  return events.filter(
    (event) =>
      event.impersonatedUser?.username === user &&
      writing.has(event.verb) &&
      !event.requestURI.includes('dryRun=All') &&
      event.objectRef?.resource !== 'selfsubjectaccessreviews',
  );
}
