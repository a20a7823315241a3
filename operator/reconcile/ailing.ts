/** Which workloads have been unhealthy for long enough that their pods are looked into. */
import { objectKey } from '../kube/types.ts';
import type { PodReader } from '../live/pods.ts';
import type { Member, MemberChange } from '../live/types.ts';

/** A rollout takes a moment: pods are read only after this, milliseconds. */
const patience = 5_000;

export interface Ailing {
  /** A member, or its health, has changed. */
  note(change: MemberChange): void;
  /** The set is no more, and its members with it. */
  forget(applySet: string): void;
  /** Looks into nothing any more. */
  stop(): void;
}

export function createAiling(pods: PodReader): Ailing {
  /** By objectKey; without a timer its pods are looked into. */
  const known = new Map<string, { readonly uid: string; readonly partOf: string; timer: NodeJS.Timeout | undefined }>();

  function end(key: string): void {
    const one = known.get(key);
    if (one === undefined) return;
    known.delete(key);
    if (one.timer === undefined) pods.drop(key);
    else clearTimeout(one.timer);
  }

  function begin(key: string, { id, uid, partOf, health }: Member): void {
    const selector = health?.selector;
    if (selector === undefined || known.has(key)) return;
    const look = (): void => {
      one.timer = undefined;
      pods.look({ key, namespace: id.namespace, name: id.name, uid, selector });
    };
    const one = { uid, partOf, timer: setTimeout(look, patience) as NodeJS.Timeout | undefined };
    known.set(key, one);
  }

  return {
    note({ before, after }) {
      const member = after ?? before;
      if (member === undefined) return;
      const key = objectKey(member.id);
      const uid = known.get(key)?.uid;
      // Of a write of our own that the watch has not shown yet nothing is known: it ails on as before.
      if (after !== undefined && after.health === undefined && after.uid === uid) return;
      if (after?.health?.selector === undefined || after.uid !== uid) end(key);
      if (after !== undefined) begin(key, after);
    },
    forget(applySet) {
      for (const [key, { partOf }] of known) if (partOf === applySet) end(key);
    },
    stop() {
      for (const key of known.keys()) end(key);
    },
  };
}
