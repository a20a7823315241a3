/** What is fought over in one source: fields that the same manager writes again after each correction. */
import type { GitOpsSource } from '../api/types.ts';
import { hashAnnotation, partOfLabel } from '../api/names.ts';
import { objectKey } from '../kube/types.ts';
import { isFighting, isOver, overIn, rewritten } from '../live/drift/fight.ts';
import type { Rewrites } from '../live/drift/fight.ts';
import { belowAny, pathText } from '../live/drift/path.ts';
import type { Path } from '../live/drift/path.ts';
import type { Drift, Finding } from '../live/drift/types.ts';
import type { Member, MemberChange } from '../live/types.ts';
import type { DriftPolicy } from '../plan/correction.ts';

/** More fields than these are not counted, nor are more objects that left. */
const most = 1_000;
/** Whoever takes this label off takes the object out of the watch: that is seen as it comes back. */
const label: Path = [{ field: 'metadata' }, { field: 'labels' }, { field: partOfLabel }];

/** One field that is fought over. */
export interface Fight {
  /** objectKey of the object. */
  readonly key: string;
  readonly path: string;
  readonly manager: string | undefined;
  /** Milliseconds of the clock by which it was counted. */
  readonly notBefore: number;
}

/** A field under count; `hash` of what git stated of the object then, by the annotation that we wrote last. */
type Counted = Rewrites & Omit<Fight, 'notBefore'> & { readonly hash: string | undefined };

/** Counts who rewrites what. Times are milliseconds of one clock. */
export class Fights {
  readonly #rewrites = new Map<string, Counted>();
  /** The uids of objects that left, by objectKey, oldest first: one that comes back had only lost its label. */
  readonly #left = new Map<string, string>();
  /** Findings by name, told before a dry run was needed to say whether they stay, by objectKey; oldest first. */
  readonly #open = new Map<string, ReadonlyMap<string, Path>>();

  /** Takes in a change of a member: fields that differ from git now and did not before were written since. */
  note({ before, after }: MemberChange, now: number): void {
    if (after === undefined) {
      if (before !== undefined) this.#leave(objectKey(before.id), before.uid);
      return;
    }
    const key = objectKey(after.id);
    if (before === undefined) return this.#return(key, after, now);
    this.#endIfStatedAnew(key, after);
    if (after.drift === undefined || after.drift === before.drift) return;
    const known = this.#known(key, before.drift, after.drift);
    if (after.drift.fields.length === 0) return;
    const hash = writtenHash(after) ?? writtenHash(before);
    for (const finding of after.drift.fields) if (!known.has(nameOf(key, finding))) this.#count(key, finding, hash, now);
    this.#forget(now);
  }

  /** What was told of the object already; what is undecided now is remembered as told, since nobody need have written it again. */
  #known(key: string, before: Drift | undefined, { undecided }: Drift): ReadonlyMap<string, Path> {
    const told = (before?.fields ?? []).map((finding) => [nameOf(key, finding), finding.path] as const);
    const known = new Map([...(this.#open.get(key) ?? []), ...told]);
    this.#open.delete(key);
    if (undecided.length === 0 || known.size === 0) return known;
    const isUndecided = belowAny(undecided);
    const open = [...known].filter(([, path]) => undecided.some((one) => one.length === 0) || isUndecided(path));
    if (open.length > 0) this.#open.set(key, new Map(open));
    const [oldest] = this.#open.keys();
    if (this.#open.size > most && oldest !== undefined) this.#open.delete(oldest);
    return known;
  }

  /** Milliseconds until an object that was made to leave may be taken back; 0 is now. */
  waitBack(key: string, now: number): number {
    return this.wait(key, { path: label, manager: undefined }, now);
  }

  /** Milliseconds until this field may be corrected; 0 is now. */
  wait(key: string, finding: Written, now: number): number {
    const rewrites = this.#rewrites.get(nameOf(key, finding));
    return isFighting(rewrites, now) ? Math.max(0, (rewrites?.notBefore ?? 0) - now) : 0;
  }

  /** Milliseconds until the first of them is over if its field is left alone; undefined where there is none. */
  endsIn(now: number): number | undefined {
    const ends = this.#going(now).map((rewrites) => overIn(rewrites, now));
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  /** Those that go on. */
  going(now: number): readonly Fight[] {
    return this.#going(now);
  }

  #going(now: number): readonly Counted[] {
    return [...this.#rewrites.values()].filter((rewrites) => isFighting(rewrites, now));
  }

  #count(key: string, finding: Written, hash: string | undefined, now: number): void {
    const name = nameOf(key, finding);
    const before = this.#rewrites.get(name);
    this.#rewrites.delete(name);
    this.#rewrites.set(name, {
      ...rewritten(before, now),
      key,
      path: pathText(finding.path),
      manager: finding.manager,
      hash: hash ?? before?.hash,
    });
  }

  /** Only a write of ours that git asked for is an end: a rival may take our annotations away, or put old ones back. */
  #endIfStatedAnew(key: string, after: Member): void {
    const hash = writtenHash(after);
    if (hash === undefined || this.#rewrites.size === 0) return;
    for (const [name, rewrites] of this.#rewrites) {
      if (rewrites.key === key && rewrites.hash !== undefined && rewrites.hash !== hash) this.#rewrites.delete(name);
    }
  }

  #leave(key: string, uid: string): void {
    this.#left.delete(key);
    this.#left.set(key, uid);
    const [oldest] = this.#left.keys();
    if (this.#left.size > most && oldest !== undefined) this.#left.delete(oldest);
  }

  /** Deleted and made anew it would be another one; what a fault hid from the watch comes back with a verdict, not by a write of ours. */
  #return(key: string, after: Member, now: number): void {
    const uid = this.#left.get(key);
    this.#left.delete(key);
    this.#endIfStatedAnew(key, after);
    if (uid !== after.uid || uid === '' || after.drift !== undefined) return;
    this.#count(key, { path: label, manager: undefined }, writtenHash(after), now);
    this.#forget(now);
  }

  #forget(now: number): void {
    for (const [name, rewrites] of this.#rewrites) {
      if (this.#rewrites.size > most || isOver(rewrites, now)) this.#rewrites.delete(name);
    }
  }
}

/** What spec.drift says of a source; without fights nothing is held back. */
export function policyOf(source: GitOpsSource, fights?: Fights, now: () => number = () => 0): DriftPolicy {
  const { mode, ignore } = source.spec.drift;
  return { mode, ignore: ignore ?? [], heldBack: (key, finding) => fights !== undefined && fights.wait(key, finding, now()) > 0 };
}

/** What a fight is about. */
type Written = Pick<Finding, 'path' | 'manager'>;

/** What our own entry says that git stated. */
function writtenHash(member: Member): string | undefined {
  return member.ownsHashAndLabel ? member.annotations[hashAnnotation] : undefined;
}

function nameOf(key: string, finding: Written): string {
  return `${key} ${pathText(finding.path)} ${finding.manager}`;
}
