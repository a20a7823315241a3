/**
 * What other sources of the same remote state in the same commit (rule 21): an object that moves from one to another is
 * handed over by the other's own apply, whichever of the two walks first, and never pruned in between. Each of the two finds
 * out by rendering the commit as the other would: nothing has to be told, and a restart changes nothing.
 */
import type { GitOpsSource } from '../api/types.ts';
import { catalogue, PlumblineError } from '../errors.ts';
import type { Reason } from '../errors.ts';
import { objectKey, objectText } from '../kube/types.ts';
import type { ObjectId } from '../kube/types.ts';
import type { Member } from '../live/types.ts';
import { isProven } from '../plan/plan.ts';
import type { Manifest, Notice } from '../render/types.ts';
import type { Checkout, ResolvedRef, Snapshot, SnapshotFile } from '../source/types.ts';
import { isSameRepository } from '../source/url.ts';
import type { Sight } from './look.ts';
import { renderSnapshot } from './render-step.ts';
import type { Walk } from './types.ts';
import { verifySource } from './verify-step.ts';

/** What a plan has to know of other sources. */
export interface Elsewhere {
  /** Members that leave this source and that another one states, or may state: they stay until it has written them. */
  readonly handed: ReadonlySet<string>;
  /** Objects of other sources that those do not state any more: they may be taken over. */
  readonly freed: ReadonlySet<string>;
  /** Of what stays only because another source may state it. */
  readonly notices: readonly Notice[];
}

/** What another source states: its objects, or why that cannot be told, and the files it was read from as far as it could be. */
export type Stating =
  | { readonly keys: ReadonlySet<string> }
  | { readonly keys?: undefined; readonly reason: Reason; readonly files: readonly SnapshotFile[] | undefined };

/** What git holds is refused; another try would not change that. */
const refusals: ReadonlySet<string> = new Set(['RepositoryRefused', 'RepositoryTooLarge', 'NotSupported']);

const nothing: Elsewhere = { handed: new Set(), freed: new Set(), notices: [] };

/**
 * Looks at other sources only where something leaves, or belongs to one of them. By objectKey.
 * Throws PlumblineError where it cannot be read whether what leaves is stated by another: nothing may be pruned then.
 */
export async function statedElsewhere(self: Walk, manifests: readonly Manifest[], live: Sight): Promise<Elsewhere> {
  const { env, applySet, key } = self;
  const stated = new Set(manifests.map(({ id }) => objectKey(id)));
  const leaving = env.inventory.membersOf(applySet).filter((member) => !stated.has(objectKey(member.id)) && isProven(member));
  const wanted = new Map<string, ObjectId[]>();
  for (const { id } of manifests) {
    const found = live(id);
    const owner = found === undefined || found.partOf === '' || found.partOf === applySet ? undefined : env.sourceOf(found.partOf);
    if (owner !== undefined && owner !== key) wanted.set(owner, [...(wanted.get(owner) ?? []), id]);
  }
  if (leaving.length === 0 && wanted.size === 0) return nothing;
  const siblings = env.sources().filter((other) => keyOf(other) !== key && isSibling(self.source, self.seen.ref, other));
  const handed = new Set<string>();
  const freed = new Set<string>();
  const notices: Notice[] = [];
  for (const other of siblings) {
    const ids = wanted.get(keyOf(other)) ?? [];
    if (leaving.length > 0 && other.metadata.deletionTimestamp === undefined) {
      const stating = await readStating(self, other, leaving);
      const theirs = handedTo(stating, leaving);
      for (const { id } of theirs) handed.add(objectKey(id));
      if (stating.keys === undefined) notices.push(...theirs.map(({ id }) => waitNotice(id, other, stating.reason)));
    }
    if (ids.length > 0) {
      const { keys } = await readStating(self, other, undefined);
      // What cannot be rendered may state anything: its objects stay where they are.
      for (const id of ids) if (keys?.has(objectKey(id)) === false) freed.add(objectKey(id));
    }
  }
  return { handed, freed, notices };
}

/** Pure: whether another source is of the same remote and at the same commit, or will be once it has seen it. */
export function isSibling(self: GitOpsSource, seen: ResolvedRef, other: GitOpsSource): boolean {
  if (!isSameRepository(self.spec.url, other.spec.url)) return false;
  const ref = other.spec.ref ?? {};
  if (JSON.stringify(self.spec.ref ?? {}) === JSON.stringify(ref)) return true;
  if (other.status?.revision?.observed?.commit === seen.commit || ref.commit?.toLowerCase() === seen.commit) return true;
  return seen.fullRef !== undefined && fullRefsOf(other).includes(seen.fullRef);
}

/** The refs that a source means, as far as its spec says it, and where it leaves the choice to the remote, its status. */
function fullRefsOf({ spec: { ref = {} }, status }: GitOpsSource): readonly string[] {
  if (ref.branch !== undefined) return [`refs/heads/${ref.branch}`];
  if (ref.tag !== undefined) return [`refs/tags/${ref.tag}`];
  if (ref.name !== undefined) return [ref.name];
  if (ref.commit !== undefined || ref.semver !== undefined) return [];
  const head = status?.history?.[0]?.ref;
  return head === undefined ? [] : [`refs/heads/${head}`];
}

/**
 * Pure: which of the members that leave stay for another source. Where its revision cannot be rendered, it may state
 * whatever its files name; where they could not even be looked for, anything.
 */
export function handedTo(stating: Stating, leaving: readonly Member[]): readonly Member[] {
  const { keys } = stating;
  if (keys !== undefined) return leaving.filter(({ id }) => keys.has(objectKey(id)));
  const { files } = stating;
  return files === undefined ? leaving : leaving.filter(({ id }) => holdsWord(files, id));
}

/**
 * What the other source states in the commit of this walk. Where `leaving` is given, nothing is rendered if no file names any
 * of it. Rejects where git cannot be asked: nothing is decided then.
 */
async function readStating(self: Walk, other: GitOpsSource, leaving: readonly Member[] | undefined): Promise<Stating> {
  const { env, source, credentials, seen, place, signal } = self;
  const wanted = { path: other.spec.path ?? '', exclude: other.spec.exclude ?? [] };
  let checkout: Checkout;
  let snapshot: Snapshot;
  try {
    checkout = await env.remotes.checkout(source.spec.url, credentials, seen.ref, signal, wanted);
    snapshot = await checkout.snapshot(wanted, signal);
  } catch (error) {
    if (!(error instanceof PlumblineError)) throw error;
    const { reason } = error;
    if (reason === 'PathNotFound') return { keys: new Set() };
    // A fault of the other's spec is not to stall this source.
    if (refusals.has(reason) || catalogue[reason].retry === 'edit') return { reason, files: undefined };
    throw unread(error, keyOf(other));
  }
  const { files } = snapshot;
  if (leaving?.some(({ id }) => isNamed(files, id)) === false) return { keys: new Set() };
  try {
    // What the other does not trust it does not render either: it may state whatever its files name.
    await verifySource(env, other, seen.ref, checkout, signal);
    const { manifests } = await renderSnapshot({ env, source: other, place, signal }, snapshot);
    return { keys: new Set(manifests.map(({ id }) => objectKey(id))) };
  } catch (error) {
    if (error instanceof PlumblineError) return { reason: error.reason, files };
    throw error;
  }
}

function unread(error: PlumblineError, other: string): PlumblineError {
  const about = `what GitOpsSource ${other} states of what this source stated or states cannot be read: `;
  const faults = error.faults.map((fault) => ({ ...fault, message: `${about}${fault.message}` }));
  return new PlumblineError(faults, { cause: error, retryAfterMs: error.retryAfterMs });
}

function waitNotice(id: ObjectId, other: GitOpsSource, reason: Reason): Notice {
  const message = `left this source and stays: it waits for GitOpsSource ${keyOf(other)}, which may state it and cannot be rendered (${reason})`;
  return { place: { file: other.spec.path ?? '.' }, object: objectText(id), message };
}

function isNamed(files: readonly SnapshotFile[], { name }: ObjectId): boolean {
  return files.some(({ content }) => content.includes(name));
}

/** Whether a file holds a name that is no part of a longer one. */
function holdsWord(files: readonly SnapshotFile[], { name }: ObjectId): boolean {
  const word = new RegExp(`(?<![\\w.-])${RegExp.escape(name)}(?![\\w.-])`);
  return files.some(({ content }) => content.includes(name) && word.test(content.toString()));
}

function keyOf({ metadata }: GitOpsSource): string {
  return `${metadata.namespace}/${metadata.name}`;
}
