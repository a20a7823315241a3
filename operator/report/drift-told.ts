/** Pure: what of drift was told, as the status keeps it, so that whoever leads next tells none of it again. */
import { createHash } from 'node:crypto';
import type { DriftEntry, GitOpsSourceStatus } from '../api/types.ts';
import { objectText } from '../kube/types.ts';
import type { DriftItem } from './drift.ts';

/** Characters of base64: 48 bits are plenty to tell a few hundred apart. */
const digestLength = 8;
/** What the CRD takes, but for one more digest of all the others. */
const maxDigests = 511;

/** What is told once: another manager or time is no other drift. */
export function driftName({ id, class: of, field }: Pick<DriftItem, 'id' | 'class' | 'field'>): string {
  return nameOf(objectText(id), of, field);
}

/** Of each item that is told, in order, a digest; of those beyond 511 one together. */
export function driftDigests(items: readonly DriftItem[]): string {
  const digests = items.map((item) => digestOf(driftName(item)));
  const rest = digests.slice(maxDigests);
  return [...digests.slice(0, maxDigests), ...(rest.length === 0 ? [] : [digestOf(rest.join(''))])].join('');
}

/** Those of the items (in order) that a status does not say were told; `entries`: the items as the status would list them. */
export function untoldIn(
  status: GitOpsSourceStatus | undefined,
  items: readonly DriftItem[],
  entries: readonly DriftEntry[],
): readonly DriftItem[] {
  const { drift = [], driftTold } = status ?? {};
  if (driftTold === undefined) {
    const told = new Set(drift.map(entryName));
    return items.filter((_, index) => !told.has(entryName(entries[index])));
  }
  if (driftTold === driftDigests(items)) return [];
  const told = new Set(driftTold.match(/.{8}/gu));
  return items.filter((item) => !told.has(digestOf(driftName(item))));
}

function entryName(entry: DriftEntry | undefined): string {
  return entry === undefined ? '' : nameOf(entry.object, entry.class, entry.field);
}

function nameOf(object: string, of: string, field: string | undefined): string {
  return `${object} ${of} ${field ?? ''}`;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, digestLength);
}
