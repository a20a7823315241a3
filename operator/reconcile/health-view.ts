/** Pure: the health of a source, read from the verdicts about its members. */
import { objectKey, objectText } from '../kube/types.ts';
import type { Member } from '../live/types.ts';
import { isProven } from '../plan/plan.ts';
import { inOrder } from '../report/health.ts';
import type { Health, Unhealthy } from '../report/health.ts';
import type { Memory } from './types.ts';

/** What a source is assessed by: its applied revision, or (after a restart, until that is rendered) all that it has. */
export type Assessed = Pick<Memory, 'expected' | 'total'> | 'members';

/** The health of a source as of now; `podsText` is what the pods of a workload say, by objectKey. */
export function healthOf(assessed: Assessed, members: readonly Member[], podsText: (key: string) => string | undefined): Health {
  const unhealthy: Unhealthy[] = [];
  if (assessed === 'members') {
    const proven = members.filter(isProven);
    for (const member of proven) note(objectKey(member.id), member);
    return { total: proven.length, unhealthy: inOrder(unhealthy) };
  }
  const there = new Map(members.map((member) => [objectKey(member.id), member]));
  for (const key of assessed.expected.keys()) note(key, there.get(key));
  // What is stated and not waited for (a finished Job that is gone, an object that is ignored) counts as healthy.
  return { total: assessed.total, unhealthy: inOrder(unhealthy) };

  function note(key: string, member: Member | undefined): void {
    if (member === undefined) {
      unhealthy.push({ object: textOf(key), status: 'InProgress', message: 'it is missing', pods: '' });
      return;
    }
    const { health } = member;
    if (health?.status === 'Current') return;
    unhealthy.push({
      object: objectText(member.id),
      status: health?.status ?? 'InProgress',
      message: health?.message ?? 'its state has not been seen yet',
      pods: health?.selector === undefined ? '' : podsText(key),
    });
  }
}

/** `apps/Deployment/shop/web` as `Deployment shop/web`. */
function textOf(key: string): string {
  const [, kind = '', namespace = '', ...name] = key.split('/');
  return objectText({ kind, namespace, name: name.join('/') });
}
