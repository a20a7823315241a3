/** Pure: the sentences people read in conditions, events and the message column (rule 34). */
import { catalogue, placeText } from '../errors.ts';
import { counted, cutText } from './text.ts';
import type { Fault, Reason } from '../errors.ts';
import type { Changes, Phase } from './types.ts';

/** How much of the faults is told: a condition holds 32 KiB, and nobody reads more. */
const maxFaults = 20;
const maxFaultsLength = 4_000;
/** One fault may need its whole list (a held prune): cut only here. */
const maxFaultLength = 16_000;
const maxRemedies = 6;
const maxMessage = 32_000;

/** What is wrong with these is in the manifest or its right to be there: the object is refused. Others wait or failed. */
const refusals: ReadonlySet<Reason> = new Set<Reason>([
  'UnknownKind',
  'OutOfScope',
  'NamespaceMismatch',
  'NamespaceNotFound',
  'OwnedByOther',
  'Forbidden',
  'ObjectRefused',
  'ImmutableField',
  'WebhookRefusesDryRun',
]);

/** The revision is in but for these: nothing failed. */
const waiting: ReadonlySet<Reason> = new Set<Reason>(['PruneHeld', 'PruneWaiting', 'ObjectTerminating']);

/** `main@4f2a9c1`, or `4f2a9c1` for a bare commit. */
export function revisionText(shortRef: string | undefined, commit: string): string {
  const short = commit.slice(0, 7);
  return shortRef === undefined || shortRef === '' ? short : `${shortRef}@${short}`;
}

/** `prod/web.yaml:14 Deployment shop/web refused: spec.replicas: Invalid value`, without a full stop. */
export function faultLine(fault: Fault): string {
  const where = [fault.place && placeText(fault.place), fault.object].filter((part) => part !== undefined).join(' ');
  if (where === '') return fault.message;
  const refused = fault.object !== undefined && refusals.has(fault.reason);
  return `${where}${refused ? ' refused' : ''}: ${fault.message}`;
}

/** What the sentences after the faults need to be true. */
export interface Standing {
  /** The revision that was last applied whole, `main@4f2a9c1`. */
  readonly applied: string | undefined;
  /** Objects written by the revision that failed, over all its attempts. */
  readonly written: number;
  /** Something newer than `applied` was written in part, by this revision or one before it. */
  readonly halfIn: boolean;
  /** RFC 3339: told where only time shows how bad it is. */
  readonly since: string | undefined;
}

/** The whole message of a failure: every fault (within bounds, then a count), what became of the cluster, what to do. */
export function failureMessage(faults: readonly Fault[], standing: Standing): string {
  const lines = faultLines(faults);
  const tail = [
    standingText(
      standing,
      faults.some(({ reason }) => waiting.has(reason)),
    ),
    ...remediesOf(faults),
  ];
  const oneParagraph = lines.length === 1 && !endsInCommand(lines[0] ?? '');
  return cutText(oneParagraph ? joined([lines[0] ?? '', ...tail]) : `${lines.join('\n')}\n${joined(tail)}`, maxMessage);
}

/** The first fault and how many more there are: for the history. */
export function failureSummary(faults: readonly Fault[], length: number): string {
  const first = faults[0];
  if (first === undefined) return '';
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  return `${cutText(faultLine(first), length - more.length)}${more}`;
}

/** `main@4f2a9c1 is applied: 12 objects, 1 created, 2 changed, 1 pruned`; what changed is left out where it is not known. */
export function appliedMessage(revision: string, total: number, changes: Changes | undefined): string {
  const done = changes === undefined ? '' : `, ${changesText(changes) === '' ? 'nothing to change' : changesText(changes)}`;
  return `${revision} is applied: ${counted(total, 'object')}${done}`;
}

/** `1 created, 2 changed, 1 pruned, 1 let go`; empty when nothing was written. */
export function changesText(changes: Changes): string {
  const parts = [
    [changes.created, 'created'],
    [changes.changed, 'changed'],
    [changes.pruned, 'pruned'],
    [changes.letGo, 'let go'],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(', ');
}

/** How many objects were touched. */
export function writtenBy(changes: Changes | undefined): number {
  return changes === undefined ? 0 : changes.created + changes.changed + changes.pruned + changes.letGo;
}

/** Whether a failure in this phase is one that only its age makes worth looking at: nobody pushed anything wrong. */
export function tellsSince(phase: Phase | 'spec', reason: Reason): boolean {
  return phase === 'source' || reason === 'ApiServerUnavailable' || reason === 'OperatorForbidden';
}

function faultLines(faults: readonly Fault[]): readonly string[] {
  const lines: string[] = [];
  let length = 0;
  for (const fault of faults.slice(0, maxFaults)) {
    const line = faultSentence(fault, faults.length === 1);
    if (lines.length > 0 && length + line.length > maxFaultsLength) break;
    lines.push(line);
    length += line.length + 1;
  }
  return lines.length < faults.length ? [...lines, `and ${faults.length - lines.length} more`] : lines;
}

function faultSentence(fault: Fault, alone: boolean): string {
  const line = cutText(faultLine(fault).trim(), maxFaultLength);
  return alone ? sentence(line) : line;
}

function standingText({ applied, written, halfIn, since }: Standing, waits: boolean): string {
  const done =
    written === 0 ? 'Nothing was changed' : `${counted(written, 'object was', 'objects were')} written${waits ? '' : ' before it failed'}`;
  const old = applied === undefined ? '' : halfIn ? `; ${applied} was the last revision to be applied whole` : `; ${applied} keeps running`;
  return `${done}${old}.${since === undefined ? '' : ` Not Ready since ${since.replace(/\.\d+Z$/u, 'Z')}.`}`;
}

/** Each remedy once, in the order of the faults. */
function remediesOf(faults: readonly Fault[]): readonly string[] {
  const remedies = new Set(faults.map((fault) => (fault.remedy ?? catalogue[fault.reason].remedy).trim()));
  const shown = [...remedies].slice(0, maxRemedies).map(sentence);
  return remedies.size > maxRemedies ? [...shown, `And ${counted(remedies.size - maxRemedies, 'remedy', 'remedies')} more.`] : shown;
}

/** Sentences in one paragraph; a command to copy ends its line. */
function joined(sentences: readonly string[]): string {
  return sentences.reduce((text, next) => (text === '' ? next : `${text}${endsInCommand(text) ? '\n' : ' '}${next}`), '');
}

/** With a full stop, unless it has one or ends in a command that a person copies. */
export function sentence(text: string): string {
  return text === '' || /[.!?\u2026]$/u.test(text) || endsInCommand(text) ? text : `${text}.`;
}

function endsInCommand(text: string): boolean {
  return /(^|\n)\s*(kubectl|helm|git) [^\n]*$/u.test(text);
}
