/** Pure: what the operator tells of drift in the status, against what was found just now. */
import type { DriftEntry, GitOpsSourceStatus } from '../api/types.ts';
import { objectText } from '../kube/types.ts';
import type { ObjectId } from '../kube/types.ts';
import { driftEntries, driftedObjects } from '../report/drift.ts';
import type { DriftItem } from '../report/drift.ts';

/** What was looked at, and what of it differs. */
export interface Found {
  /** Every object of the applied revision about which something can be said. */
  readonly objects: readonly ObjectId[];
  readonly items: readonly DriftItem[];
  /** Something is not among `objects`, so that the sums say nothing. */
  readonly isPartial: boolean;
}

/** The status lists no more. */
const mostListed = 20;

/** One sentence for each thing of which the status says something else; empty when they agree. */
export function statusDisagreements(
  { objects, items, isPartial }: Found,
  status: Pick<GitOpsSourceStatus, 'drift' | 'objects'>,
): readonly string[] {
  const looked = new Set(objects.map(objectText));
  const listed = status.drift ?? [];
  const found = driftEntries(items);
  const isListed = (entry: DriftEntry): boolean => listed.some((one) => isSame(one, entry));
  const untold = listed.length >= mostListed ? [] : found.filter((entry) => !isListed(entry));
  const stale = listed.filter((entry) => looked.has(entry.object) && !found.some((one) => isSame(one, entry)));
  const isWhole = !isPartial && listed.every(({ object }) => looked.has(object));
  const [counted, told] = [driftedObjects(items), status.objects?.drifted ?? 0];
  return [
    ...untold.map((entry) => `${entryText(entry)}, and the status does not tell it`),
    ...stale.map((entry) => `the status tells that ${entryText(entry)}, which is not so`),
    ...(isWhole && counted !== told ? [`the status counts ${told} objects that differ, found were ${counted}`] : []),
  ];
}

/** One may tell the whole of what the other tells a part of. */
function isSame(a: DriftEntry, b: DriftEntry): boolean {
  if (a.object !== b.object || (a.class === 'extra') !== (b.class === 'extra')) return false;
  const [one, other] = [a.field ?? '', b.field ?? ''];
  return one === other || (one !== '' && other !== '' && (isBelow(one, other) || isBelow(other, one)));
}

function isBelow(field: string, above: string): boolean {
  return field.startsWith(above) && /^[.[]/u.test(field.slice(above.length));
}

function entryText({ object, class: of, field }: DriftEntry): string {
  return field === undefined ? `${object} is ${of}` : `${field} of ${object} is ${of === 'extra' ? 'added' : of}`;
}
