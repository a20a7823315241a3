/** What a walk asks of history: which commits came in, and where each manifest that it writes last changed (rule 7). */
import { commitAnnotation, commitBoundAnnotation, hashAnnotation, originAnnotation } from '../api/names.ts';
import type { GitOpsSourceStatus } from '../api/types.ts';
import type { Origin } from '../apply/desired.ts';
import { toPlumblineError } from '../errors.ts';
import { objectKey } from '../kube/types.ts';
import type { Plan } from '../plan/types.ts';
import { objectInFile } from '../render/index.ts';
import type { Manifest } from '../render/types.ts';
import { isTold } from '../report/trail/attempts.ts';
import type { Asked, Asking, Past } from '../source/history/past.ts';
import type { Checkout } from '../source/types.ts';
import type { Walk } from './types.ts';

/** Opens the history of the commit that is walked; what has to be fetched is on its way while the rest goes on. */
export function openHistory(self: Walk, checkout: Checkout): Past {
  const { env, source, credentials } = self;
  const { url } = source.spec;
  const past = env.histories.past(`${url} ${credentials.id}`, {
    old: source.status?.revision?.applied?.commit,
    head: checkout.commit.sha,
    atHand: checkout.objects,
    server: {
      history: (asked, signal) => env.remotes.history(url, credentials, asked, signal),
      objects: (oids, signal) => env.remotes.objects(url, credentials, oids, signal),
      descends: (ancestor, commit, signal) => env.remotes.descends(url, credentials, ancestor, commit, signal),
    },
  });
  past.prepare(askingOf(self));
  return past;
}

/**
 * Where the manifests that are about to be written come from, by objectKey. One that is written though it did not change
 * keeps what its object says, or said before it was gone. Never fails a revision: what cannot be found out changed at the
 * commit that is applied, or before.
 */
export async function findOrigins(self: Walk, plan: Plan, manifests: readonly Manifest[]): Promise<ReadonlyMap<string, Origin>> {
  const origins = new Map<string, Origin>();
  const open: Manifest[] = [];
  for (const { manifest } of [...plan.creates, ...plan.changes]) {
    const known = originBefore(self, manifest);
    if (known === undefined) open.push(manifest);
    else origins.set(objectKey(manifest.id), known);
  }
  const { past } = self;
  if (past === undefined) return origins;
  if (open.length > 0) {
    const perFile = Map.groupBy(manifests, ({ place }) => place.file);
    const asked = open.map(({ id, place }): Asked => {
      const isAlone = perFile.get(place.file)?.length === 1;
      return { id: objectKey(id), path: place.file, ...(isAlone ? {} : { object: objectInFile(id) }) };
    });
    const changes = await unlessItFails(self, () => past.lastChanges(asked, askingOf(self)));
    for (const [key, change] of changes ?? []) origins.set(key, change);
  }
  const commits = new Set([...origins.values()].map(({ commit }) => commit));
  self.origins = await unlessItFails(self, async () =>
    [...commits].map((sha) => past.commit(sha)).filter((commit) => commit !== undefined),
  );
  return origins;
}

/** What annotations say, where they say it whole. */
export function originOf(annotations: Readonly<Record<string, string>>): Origin | undefined {
  const commit = annotations[commitAnnotation] ?? '';
  if (!/^[0-9a-f]{40}$/.test(commit)) return undefined;
  return { commit, exact: !(commitBoundAnnotation in annotations), place: annotations[originAnnotation] };
}

/** Decided when the manifest last changed, and never again. */
function originBefore({ env, applySet, lastApplied }: Walk, { id, hash }: Manifest): Origin | undefined {
  const key = objectKey(id);
  const remembered = lastApplied?.hashes.get(key) === hash ? lastApplied.origins.get(key) : undefined;
  if (remembered !== undefined) return remembered;
  const member = env.inventory.find(id);
  return member?.partOf === applySet && member.annotations[hashAnnotation] === hash ? originOf(member.annotations) : undefined;
}

/** Pure: whether it was not told yet how this commit came in. One whose walk ended without an outcome is only noted as attempted. */
export function isNewRevision(status: GitOpsSourceStatus | undefined, commit: string): boolean {
  if (status?.revision?.applied?.commit === commit) return false;
  return status?.revision?.attempted?.commit !== commit || !isTold(status, commit);
}

/** Tells which commits came in: of a revision that is new, once. */
export async function tellIncoming(self: Walk): Promise<void> {
  const { past } = self;
  if (past !== undefined && self.isNewRevision) self.incoming = await unlessItFails(self, () => past.incoming(askingOf(self)));
}

/** Whether a commit is known to have been applied before; undefined where nothing is known of history. */
export async function appliedCommits(self: Walk): Promise<((commit: string) => boolean) | undefined> {
  const { past } = self;
  const before = past && (await unlessItFails(self, () => past.before(askingOf(self))));
  return before && ((commit) => before.has(commit));
}

function askingOf({ env, place, signal }: Walk): Asking {
  return { signal, run: (work, until) => env.turns.take(work, place, until) };
}

/** Only its signal ends a walk: the answers of history are remarks. */
async function unlessItFails<T>(self: Walk, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    self.signal.throwIfAborted();
    self.env.onHistoryFault(self.key, toPlumblineError(error));
    return undefined;
  }
}
