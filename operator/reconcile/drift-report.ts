/** What of one source is not as git states it, read from the verdicts about its members. */
import { objectKey, objectText } from '../kube/types.ts';
import { partOfLabel } from '../api/names.ts';
import { pathText } from '../live/drift/path.ts';
import { noDrift } from '../live/drift/types.ts';
import type { Inventory } from '../live/types.ts';
import { judgedDrift } from '../plan/correction.ts';
import type { DriftPolicy } from '../plan/correction.ts';
import { isIgnored } from '../plan/plan.ts';
import { itemsOf } from '../report/drift.ts';
import type { DriftItem, DriftReport } from '../report/drift.ts';
import type { Fights } from './fights.ts';
import type { Gone } from './types.ts';

/** Undefined as long as nothing is known of what was written: after a restart, before the first render. `now`: the clock of the fights. */
export function driftReport(
  applySet: string,
  inventory: Inventory,
  policy: DriftPolicy,
  gone: ReadonlyMap<string, Gone> | undefined,
  fights: Fights,
  now: number,
): DriftReport | undefined {
  if (!inventory.isStated(applySet)) return undefined;
  const items: DriftItem[] = [];
  for (const member of inventory.membersOf(applySet)) {
    if (member.drift === undefined || member.drift === noDrift || isIgnored(undefined, member)) continue;
    const { fields, extra } = judgedDrift(member, policy);
    items.push(...itemsOf(member.id, member.uid, fields), ...itemsOf(member.id, member.uid, extra));
  }
  for (const { id, isThere, since } of gone?.values() ?? []) {
    if (inventory.find(id) !== undefined) continue;
    const field = isThere ? pathText([{ field: 'metadata' }, { field: 'labels' }, { field: partOfLabel }]) : undefined;
    items.push({ id, uid: '', class: isThere ? 'removed' : 'missing', field, manager: undefined, since });
  }
  const going = policy.mode === 'Correct' ? fights.going(now) : [];
  const members = going.length === 0 ? [] : inventory.membersOf(applySet);
  const texts = new Map(members.map(({ id }) => [objectKey(id), objectText(id)]));
  return {
    mode: policy.mode,
    items,
    fights: going.flatMap(({ key, path, manager, notBefore }) => {
      const object = texts.get(key);
      const waitSeconds = Math.max(0, Math.ceil((notBefore - now) / 1_000));
      return object === undefined ? [] : [{ object, field: path, manager, waitSeconds }];
    }),
  };
}
