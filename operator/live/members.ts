/** The labelled objects as they are known, by identity and by the set that they are part of, and who is told of changes. */
import { objectKey } from '../kube/types.ts';
import type { ObjectId, Resource } from '../kube/types.ts';
import type { Member, MemberChange } from './types.ts';

/** Starts empty. */
export interface Members {
  get(key: string): Member | undefined;
  find(id: Omit<ObjectId, 'version'>): Member | undefined;
  partOf(applySet: string): readonly Member[];
  /** Every one of this group and kind. */
  ofKind(kind: { readonly group: string; readonly kind: string }): readonly (readonly [string, Member])[];
  /** `after` in the place of `before`, told to everybody. */
  put(key: string, before: Member | undefined, after: Member | undefined): void;
  /** The same without a word: nothing has happened to the object. */
  replace(key: string, member: Member | undefined): void;
  onChange(listener: (change: MemberChange) => void): () => void;
  waitGone(member: Member, deadlineMs: number, signal: AbortSignal): Promise<boolean>;
}

export function createMembers(): Members {
  const byKey = new Map<string, Member>();
  const byPartOf = new Map<string, Map<string, Member>>();
  const listeners = new Set<(change: MemberChange) => void>();

  function set(key: string, before: Member | undefined, after: Member | undefined): void {
    if (before !== undefined && before.partOf !== after?.partOf) {
      const old = byPartOf.get(before.partOf);
      old?.delete(key);
      if (old?.size === 0) byPartOf.delete(before.partOf);
    }
    if (after === undefined) {
      byKey.delete(key);
      return;
    }
    byKey.set(key, after);
    const members = byPartOf.get(after.partOf);
    if (members === undefined) byPartOf.set(after.partOf, new Map([[key, after]]));
    else members.set(key, after);
  }

  return {
    get: (key) => byKey.get(key),
    find: (id) => byKey.get(objectKey(id)),
    partOf: (applySet) => [...(byPartOf.get(applySet)?.values() ?? [])],
    ofKind: ({ group, kind }) => [...byKey].filter(([, { id }]) => id.group === group && id.kind === kind),
    put(key, before, after) {
      set(key, before, after);
      const thrown: unknown[] = [];
      for (const listener of listeners) {
        try {
          listener({ before, after });
        } catch (error) {
          thrown.push(error); // the others are told all the same
        }
      }
      if (thrown.length > 0) throw thrown[0];
    },
    replace: (key, member) => set(key, byKey.get(key), member),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    waitGone: (member, deadlineMs, signal) =>
      new Promise((resolve, reject) => {
        const key = objectKey(member.id);
        const isGone = () => byKey.get(key)?.uid !== member.uid;
        if (isGone()) return resolve(true);
        const done = (settle: () => void) => {
          listeners.delete(listener);
          clearTimeout(timer);
          signal.removeEventListener('abort', aborted);
          settle();
        };
        const listener = () => isGone() && done(() => resolve(true));
        const aborted = () => done(() => reject(signal.reason));
        const timer = setTimeout(() => done(() => resolve(false)), deadlineMs);
        listeners.add(listener);
        signal.addEventListener('abort', aborted);
      }),
  };
}

/** The member as another version of its kind shows it. */
export function inVersion(member: Member, to: Resource): Member {
  return { ...member, id: { ...member.id, version: to.version }, resource: to };
}
