/**
 * What other sources of the same remote state in the same commit (rule 21): an object that moves from one to another is
 * handed over by the other's own apply, whichever of the two walks first, and never pruned in between. Each of the two finds
 * out by rendering the commit as the other would: nothing has to be told, and a restart changes nothing.
 */
import type { GitOpsSource } from '../api/types.ts';
import { PlumblineError } from '../errors.ts';
import { objectKey } from '../kube/types.ts';
import type { ObjectId } from '../kube/types.ts';
import type { Member } from '../live/types.ts';
import { isProven } from '../plan/plan.ts';
import type { Manifest } from '../render/types.ts';
import type { Snapshot } from '../source/types.ts';
import type { Sight } from './look.ts';
import { renderSnapshot } from './render-step.ts';
import type { Walk } from './types.ts';

/** What a plan has to know of other sources. */
export interface Elsewhere {
  /** Members that leave this source and that another one states: they stay until it has written them. */
  readonly handed: ReadonlySet<string>;
  /** Objects of other sources that those do not state any more: they may be taken over. */
  readonly freed: ReadonlySet<string>;
}

/** What git holds is refused; any other failure to read it passes. */
const refusals: ReadonlySet<string> = new Set(['RepositoryRefused', 'RepositoryTooLarge']);

const nothing: Elsewhere = { handed: new Set(), freed: new Set() };

/** Looks at other sources only where something leaves, or belongs to one of them. By objectKey. */
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
  const siblings = env.sources().filter((other) => keyOf(other) !== key && isSibling(self.source, other));
  const handed = new Set<string>();
  const freed = new Set<string>();
  for (const other of siblings) {
    const ids = wanted.get(keyOf(other)) ?? [];
    if (leaving.length > 0 && other.metadata.deletionTimestamp === undefined) {
      const mayState = await statedBy(self, other, leaving);
      for (const { id } of leaving) if (mayState(id)) handed.add(objectKey(id));
    }
    if (ids.length > 0) {
      const mayState = await statedBy(self, other, undefined);
      for (const id of ids) if (!mayState(id)) freed.add(objectKey(id));
    }
  }
  return { handed, freed };
}

/** Of the same remote and ref, so that both are at the same commit. */
function isSibling(a: GitOpsSource, b: GitOpsSource): boolean {
  return a.spec.url === b.spec.url && JSON.stringify(a.spec.ref ?? {}) === JSON.stringify(b.spec.ref ?? {});
}

/**
 * Whether the other source states an object in the commit of this walk, or may: where its revision is refused or cannot be
 * rendered, every object that one of its files names, or any where the files cannot be told. Where `about` is given, nothing
 * is rendered if no file of it holds any of these names. Rejects where git cannot be asked: nothing is decided then.
 */
async function statedBy(self: Walk, other: GitOpsSource, about: readonly Member[] | undefined): Promise<(id: ObjectId) => boolean> {
  const snapshot = await snapshotOf(self, other);
  if (snapshot === undefined) return () => true;
  if (snapshot === 'none' || (about !== undefined && !namesAny(snapshot, about))) return () => false;
  const { env, signal, place } = self;
  try {
    const { manifests } = await renderSnapshot({ env, source: other, place, signal }, snapshot);
    const keys = new Set(manifests.map(({ id }) => objectKey(id)));
    return (id) => keys.has(objectKey(id));
  } catch (error) {
    if (!(error instanceof PlumblineError)) throw error;
    // Nobody is given what it may state; what leaves need only stay where a file names it.
    return about === undefined ? () => true : ({ name }) => holdsWord(snapshot, name);
  }
}

/** The other source's files; `none` where its path is not there, undefined where they are refused. Rejects where git cannot be asked. */
async function snapshotOf(self: Walk, other: GitOpsSource): Promise<Snapshot | 'none' | undefined> {
  const { env, signal, seen } = self;
  const { spec } = other;
  const wanted = { path: spec.path ?? '', exclude: spec.exclude ?? [] };
  try {
    const checkout = await env.remotes.checkout(spec.url, self.credentials, seen.ref, signal, wanted);
    return await checkout.snapshot(wanted, signal);
  } catch (error) {
    if (!(error instanceof PlumblineError)) throw error;
    if (error.reason === 'PathNotFound') return 'none';
    if (refusals.has(error.reason)) return undefined;
    throw error;
  }
}

/** Whether a file holds a name that is no part of a longer one. */
function holdsWord({ files }: Snapshot, name: string): boolean {
  const word = new RegExp(`(?<![\\w.-])${RegExp.escape(name)}(?![\\w.-])`);
  return files.some(({ content }) => content.includes(name) && word.test(content.toString()));
}

function namesAny({ files }: Snapshot, members: readonly Member[]): boolean {
  return files.some(({ content }) => members.some(({ id }) => content.includes(id.name)));
}

function keyOf({ metadata }: GitOpsSource): string {
  return `${metadata.namespace}/${metadata.name}`;
}
