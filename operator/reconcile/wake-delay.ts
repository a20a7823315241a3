/** When a source walks again for what changed of its members. */
import { objectKey } from '../kube/types.ts';
import { isEqual } from '../live/drift/settle.ts';
import type { Inventory, Member, MemberChange } from '../live/types.ts';
import { subjectsOf } from './correction-pace.ts';
import type { CorrectionPace } from './correction-pace.ts';
import { isAwaited, isEdit, isToPutBack } from './member-reaction.ts';
import type { Reaction, ReactionInput } from './member-reaction.ts';

/** What bounds how soon. */
export interface DelayInput {
  readonly pace: CorrectionPace;
  /** Milliseconds until a fight of this member lets it be corrected. */
  readonly pauseOf: (member: Member) => number | undefined;
  /** The same of one that left, by its objectKey. */
  readonly pauseBack: (key: string) => number | undefined;
  /** Milliseconds of one clock. */
  readonly now: number;
}

/** What fights hold back, after a walk. */
export interface Pauses extends Omit<DelayInput, 'pace'> {
  /** Milliseconds until the first of all of it may be corrected. */
  readonly pauseOfAny: () => number | undefined;
}

/** What changed of a source while it walked: the source itself, and members by objectKey. */
export interface Recheck {
  parent: boolean;
  readonly members: Map<string, { readonly seen: Member; readonly touched: boolean }>;
}

/** Milliseconds until the source walks for a change between its walks; undefined: it need not. */
export function delayFor(reaction: Reaction, { before, after }: MemberChange, input: DelayInput): number | undefined {
  const { pace, pauseOf, pauseBack, now } = input;
  const member = after ?? before;
  if (member === undefined || reaction === 'nothing' || reaction === 'lookUp') return undefined;
  if (reaction === 'changed') return 0;
  if (reaction === 'fought') return after && pauseOf(after);
  const key = objectKey(member.id);
  if (reaction === 'gone') return pauseBack(key) ?? pace.next([key], now);
  return fightOf(member, pauseOf) ?? pace.next(subjectsOf(member), now);
}

/** Takes in a change during a walk. */
export function noteChange({ members }: Recheck, change: MemberChange): void {
  const seen = change.before ?? change.after;
  if (seen === undefined) return;
  const key = objectKey(seen.id);
  members.set(key, { seen, touched: members.get(key)?.touched === true || isTouched(change) });
}

/**
 * `delayFor` after a walk, for all that changed meanwhile and all that the walk left to a fight: whatever it was for, it took the
 * place of the one that waited for the end of the pause. `isWell` costs a look at all members.
 */
export function delayAfterWalk(
  known: ReactionInput & Pick<DelayInput, 'pace'> & { readonly recheck: Recheck },
  { find }: Pick<Inventory, 'find'>,
  isWell: () => boolean,
  { pauseOf, pauseBack, pauseOfAny, now }: Pauses,
): number | undefined {
  const {
    pace,
    recheck: { parent, members },
  } = known;
  const isCorrected = known.policy.mode === 'Correct' && !known.suspended;
  const fought = isCorrected ? pauseOfAny() : undefined;
  if (!parent && members.size === 0) return fought;
  const delays: (number | undefined)[] = [fought];
  const well = isWell();
  let isExplained = false;
  for (const [key, { seen, touched }] of members) {
    const found = find(seen.id);
    const member = found?.partOf === seen.partOf ? found : undefined;
    const isIt = member && isToPutBack(member, known);
    if (member !== undefined && isIt !== true) {
      if (isIt === false) delays.push(pauseOf(member)); // the walk left it to a fight
      continue;
    }
    if (well || (member === undefined && !isAwaited(key, known))) continue;
    isExplained = true;
    if (member === undefined) delays.push(pauseBack(key) ?? pace.next([key], now));
    else if (touched && isEdit({ before: undefined, after: member }, known.policy)) delays.push(0);
    else delays.push(fightOf(member, pauseOf) ?? pace.next(touched ? subjectsOf(member) : [key], now));
  }
  if (!well && !isExplained) delays.push(pace.next([''], now));
  const due = delays.filter((delay) => delay !== undefined);
  return due.length === 0 ? undefined : Math.min(...due);
}

/** Whether the member itself was changed, and not its status alone. */
function isTouched({ before, after }: MemberChange): boolean {
  if (before === undefined || after === undefined) return true;
  return !isEqual(marksOf(before), marksOf(after)) || !isEqual(before.drift, after.drift);
}

function marksOf({ uid, partOf, deleting, ownsHashAndLabel, annotations }: Member): object {
  return { uid, partOf, deleting, ownsHashAndLabel, annotations };
}

/** Of a member all of whose fields are fought over, though not its marks. */
function fightOf(member: Member, pauseOf: DelayInput['pauseOf']): number | undefined {
  return (member.drift?.undecided.length ?? 0) > 0 ? undefined : pauseOf(member);
}
