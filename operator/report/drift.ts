/** Pure: what is told of everything in a source that is not as git states it. */
import { setCondition } from '../api/conditions.ts';
import type { ConditionState } from '../api/conditions.ts';
import type { Condition, DriftEntry, GitOpsSourceStatus } from '../api/types.ts';
import { conditionReasons } from '../errors.ts';
import type { ConditionReason } from '../errors.ts';
import { objectText } from '../kube/types.ts';
import type { ObjectId } from '../kube/types.ts';
import { pathText } from '../live/drift/path.ts';
import type { DriftClass, Finding } from '../live/drift/types.ts';
import { driftDigests, untoldIn } from './drift-told.ts';
import { counted, cutText } from './text.ts';

/** One thing that is not as git states it. */
export interface DriftItem {
  readonly id: ObjectId;
  /** Empty where it is not known. */
  readonly uid: string;
  readonly class: DriftClass;
  /** `spec.replicas`; undefined for an object that is gone. */
  readonly field: string | undefined;
  readonly manager: string | undefined;
  readonly since: string | undefined;
}

export interface DriftFight {
  readonly object: string;
  readonly field: string;
  readonly manager: string | undefined;
  /** Seconds until it is corrected again. */
  readonly waitSeconds: number;
}

/** Everything that differs in one source now. */
export interface DriftReport {
  readonly mode: 'Correct' | 'Report' | 'Ignore';
  readonly items: readonly DriftItem[];
  readonly fights: readonly DriftFight[];
}

/** What the CRD takes. */
const maxItems = 20;
const maxText = 1_024;
const maxManager = 256;
/** What the condition names; the rest is counted. */
const maxTold = 5;

/** The order of what is told first: what is gone, what is changed, what was added. */
const classes: readonly DriftClass[] = ['missing', 'removed', 'modified', 'extra'];

/** In the order in which it is told. */
export function inOrder(items: readonly DriftItem[]): readonly DriftItem[] {
  const rank = (item: DriftItem): string => `${classes.indexOf(item.class)} ${objectText(item.id)} ${item.field ?? ''}`;
  return items.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** The findings about one object as items. */
export function itemsOf(id: ObjectId, uid: string, findings: readonly Finding[]): readonly DriftItem[] {
  return findings.map(({ path, class: of, manager, since }) => ({ id, uid, class: of, field: pathText(path), manager, since }));
}

/** How many objects have drifted: what kubectl only added does not count. */
export function driftedObjects(items: readonly DriftItem[]): number {
  return new Set(items.filter((item) => item.class !== 'extra').map(({ id }) => `${id.group} ${objectText(id)}`)).size;
}

/** The status with what is told of drift; equal to the one before where nothing changed. */
export function withDrift(status: GitOpsSourceStatus, report: DriftReport, generation: number, now: string): GitOpsSourceStatus {
  const { drift: _drift, driftTold: _told, ...rest } = status;
  const items = report.mode === 'Ignore' ? [] : inOrder(report.items);
  const entries = driftEntries(items);
  const drift = entries.slice(0, maxItems);
  const isWhole = items.length <= maxItems && items.every((item, index) => isUncut(item, entries[index]));
  return {
    ...rest,
    objects: { ...status.objects, drifted: driftedObjects(items) },
    ...(drift.length === 0 ? {} : { drift }),
    ...(isWhole ? {} : { driftTold: driftDigests(items) }),
    conditions: setCondition(status.conditions ?? [], { ...conditionOf(report, items), observedGeneration: generation }, now),
  };
}

/** What of a report the status does not say was told. */
export function untoldDrift(status: GitOpsSourceStatus | undefined, { items }: DriftReport): readonly DriftItem[] {
  const ordered = inOrder(items);
  return untoldIn(status, ordered, driftEntries(ordered));
}

/** The same as status has them, in the same order. */
export function driftEntries(items: readonly DriftItem[]): readonly DriftEntry[] {
  return items.map(entryOf);
}

function entryOf({ id, class: of, field, manager, since }: DriftItem): DriftEntry {
  return {
    object: cutText(objectText(id), maxText),
    class: of,
    ...(field === undefined ? {} : { field: cutText(field, maxText) }),
    ...(manager === undefined ? {} : { manager: cutText(manager, maxManager) }),
    ...(since === undefined ? {} : { since }),
  };
}

/** Whether an entry says of an item all that tells it apart. */
function isUncut({ id, field }: DriftItem, entry: DriftEntry | undefined): boolean {
  return entry?.object === objectText(id) && entry.field === field;
}

function conditionOf({ mode, fights }: DriftReport, items: readonly DriftItem[]): Omit<ConditionState, 'observedGeneration'> {
  const said = (status: Condition['status'], reason: ConditionReason, message: string = conditionReasons[reason]) => ({
    type: 'Drifted' as const,
    status,
    reason,
    message,
  });
  if (mode === 'Ignore') return said('Unknown', 'DriftIgnored');
  const drifted = items.filter((item) => item.class !== 'extra');
  if (drifted.length === 0 && fights.length === 0) return said('False', 'InSync');
  const told = drifted.slice(0, maxTold).map(itemText).join('; ');
  const more = drifted.length > maxTold ? `; and ${drifted.length - maxTold} more` : '';
  const what =
    drifted.length === 0 ? '' : `${counted(driftedObjects(items), 'object differs', 'objects differ')} from git: ${told}${more}.`;
  const fighting = fights.slice(0, maxTold).map(fightText);
  return said('True', fights.length > 0 ? 'Fight' : 'Drifted', [what, ...fighting].filter((text) => text !== '').join(' '));
}

/** `Deployment shop/web: spec.replicas is modified by field manager kubectl-edit`, without a full stop. */
export function itemText({ id, class: of, field, manager, since }: DriftItem): string {
  const when = since === undefined ? '' : ` since ${since.replace(/\.\d+Z$/u, 'Z')}`;
  if (of === 'missing') return `${objectText(id)} is gone${when}`;
  return `${objectText(id)}: ${field} is ${of === 'extra' ? 'added' : of} by ${managerText(manager)}${when}`;
}

/** A program, never a person. */
export function managerText(manager: string | undefined): string {
  return manager === undefined ? 'an unknown field manager' : `field manager ${manager}`;
}

function fightText({ object, field, manager, waitSeconds }: DriftFight): string {
  const wait = waitSeconds <= 0 ? 'is corrected again now' : `is left alone for ${waitSeconds} s more`;
  return `${managerText(manager)} writes ${field} of ${object} again after each correction, so it ${wait}: take the field out of git, name it in spec.drift.ignore, or stop that manager.`.replace(
    /^./u,
    (first) => first.toUpperCase(),
  );
}

/** The same as numbers. */
export function driftCounts({ items, fights }: DriftReport): DriftCounts {
  const objects: Record<string, number> = {};
  for (const of of classes) {
    objects[of] = new Set(items.filter((item) => item.class === of).map(({ id }) => `${id.group} ${objectText(id)}`)).size;
  }
  const times = items.flatMap((item) => (item.class === 'extra' || item.since === undefined ? [] : [item.since]));
  return { objects, since: times.toSorted()[0], fights: fights.length };
}

/** What of a source is not as git states it, counted. */
export interface DriftCounts {
  /** Objects by class. */
  readonly objects: Readonly<Record<string, number>>;
  /** RFC 3339: the oldest drift, what kubectl added aside. */
  readonly since: string | undefined;
  readonly fights: number;
}
