/** What is fought over in one source: fields that the same manager writes again after each correction. */
import type { GitOpsSource } from '../api/types.ts';
import { hashAnnotation } from '../api/names.ts';
import { objectKey } from '../kube/types.ts';
import { isFighting, isOver, rewritten } from '../live/drift/fight.ts';
import type { Rewrites } from '../live/drift/fight.ts';
import { pathText } from '../live/drift/path.ts';
import type { Finding } from '../live/drift/types.ts';
import type { MemberChange } from '../live/types.ts';
import type { DriftPolicy } from '../plan/correction.ts';

/** More fields than these are not counted. */
const most = 1_000;

/** One field that is fought over. */
export interface Fight {
  /** objectKey of the object. */
  readonly key: string;
  readonly path: string;
  readonly manager: string | undefined;
  /** Milliseconds of the clock by which it was counted. */
  readonly notBefore: number;
}

/** Counts who rewrites what. Times are milliseconds of one clock. */
export class Fights {
  readonly #rewrites = new Map<string, Rewrites & Omit<Fight, 'notBefore'>>();

  /** Takes in a change of a member: fields that differ from git now and did not before were written since. */
  note({ before, after }: MemberChange, now: number): void {
    if (before === undefined || after === undefined) return;
    if (before.annotations[hashAnnotation] !== after.annotations[hashAnnotation]) this.#end(objectKey(after.id));
    if (after.drift === undefined || after.drift === before.drift || after.drift.fields.length === 0) return;
    const key = objectKey(after.id);
    const known = new Set((before.drift?.fields ?? []).map((finding) => nameOf(key, finding)));
    for (const finding of after.drift.fields) {
      const name = nameOf(key, finding);
      if (known.has(name)) continue;
      const next = rewritten(this.#rewrites.get(name), now);
      this.#rewrites.delete(name);
      this.#rewrites.set(name, { ...next, key, path: pathText(finding.path), manager: finding.manager });
    }
    this.#forget(now);
  }

  /** Milliseconds until this field may be corrected; 0 is now. */
  wait(key: string, finding: Finding, now: number): number {
    const rewrites = this.#rewrites.get(nameOf(key, finding));
    return isFighting(rewrites, now) ? Math.max(0, (rewrites?.notBefore ?? 0) - now) : 0;
  }

  /** Those that go on. */
  going(now: number): readonly Fight[] {
    return [...this.#rewrites.values()].filter((rewrites) => isFighting(rewrites, now));
  }

  /** Git changed the object. */
  #end(key: string): void {
    for (const [name, rewrites] of this.#rewrites) if (rewrites.key === key) this.#rewrites.delete(name);
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

function nameOf(key: string, finding: Finding): string {
  return `${key} ${pathText(finding.path)} ${finding.manager}`;
}
