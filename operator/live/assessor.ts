/**
 * Verdicts about labelled objects, made when an object is seen and kept instead of it: what was last written to each is
 * kept beside, packed (rule 27).
 */
import { applyAnnotation, hashAnnotation, ignoreAnnotation, partOfLabel } from '../api/names.ts';
import { parseJson, stringifyJson } from '../kube/json.ts';
import { gvkKey, objectKey } from '../kube/types.ts';
import type { KubeObject, Resource } from '../kube/types.ts';
import { isNewer } from '../kube/versions.ts';
import type { Manifest } from '../render/types.ts';
import { assessDrift, withTimes } from './drift/assess.ts';
import { belowAny, pathText } from './drift/path.ts';
import type { Path } from './drift/path.ts';
import { fingerprint, isStatusLater, wholePrint } from './drift/print.ts';
import { isEqual } from './drift/settle.ts';
import type { Answered } from './drift/settle.ts';
import { packStated, unpackStated } from './drift/stated.ts';
import type { Stated } from './drift/stated.ts';
import { isClean, noDrift } from './drift/types.ts';
import type { Drift } from './drift/types.ts';
import { packText, unpackText } from './packed.ts';
import type { Packed } from './packed.ts';
import { readLiveObject } from './read.ts';

/** What is known of one object, beside the member that it is. */
interface Memo {
  uid: string;
  /** That was judged: a later one with the same print was not. */
  version: string;
  /** Of what it was compared with. */
  hash: string;
  /** Of all that a verdict follows from; undefined where that cannot be had cheaply. */
  print: number | undefined;
  /** Every stated field but those of `unrecorded` was seen to be recorded. */
  known: boolean;
  drift: Drift;
  unrecorded: Set<string> | undefined;
  /** Fields of which admission made another value when we wrote them. */
  mutated: ReadonlySet<string> | undefined;
  /** Places that looked undecided and that a dry run found to be ours. */
  held: Set<string> | undefined;
  /** The print of the object that they looked undecided in: of another one, a dry run is asked again. */
  heldIn: number | undefined;
  /** As it was before what is undecided now. */
  earlier: Drift | undefined;
  /** The version that a write of ours made. */
  written: { readonly version: string; readonly leftOut: readonly Path[] } | undefined;
}

/** What one source wrote to an object, or is about to. */
interface Statement {
  /** Seen on the object. */
  written: Stated | undefined;
  next: Stated | undefined;
  /** Only its presence counts: ignored, or applied only where absent. */
  exempt: boolean;
}

/** One sight of an object. */
export interface Sight {
  readonly key: string;
  readonly resource: Resource;
  readonly object: KubeObject;
  readonly metadataOnly: boolean;
}

export interface Assessor {
  /** The verdict about an object as it is now; undefined as long as nobody said what was written to it. */
  assess(sight: Sight): Drift | undefined;
  /** A write of ours made this version; these paths were left out of it. The verdict, where this version was seen already. */
  wrote(key: string, version: string, leftOut: readonly Path[]): Drift | undefined;
  /**
   * What a revision states, before it is written, in steps of one object; `applied` when it was applied before. Yields the
   * objects that were seen before this was known, with their verdicts.
   */
  state(applySet: string, manifests: readonly Manifest[], applied: boolean): Generator<readonly [string, Drift] | undefined, void, void>;
  /** Of this ApplySet, only these objects are stated any more; undefined: its source is no more. */
  retain(applySet: string, keys: ReadonlySet<string> | undefined): void;
  /** Whether anything is stated for this ApplySet. */
  isStated(applySet: string): boolean;
  /** A dry run said what was undecided; the verdict after it, or undefined when the object has changed since, or is another one. */
  settle(key: string, answer: Answered): Drift | undefined;
  /** The object is gone. */
  forget(key: string): void;
}

/** What of an object's manifest the server does not record; told once for each object, manifest and field. */
export type OnUnrecorded = (key: string, fields: readonly string[]) => void;

/** Whose objects are kept until it is known what was written to them. */
export interface Keeping {
  /** Whether a source has this ApplySet. */
  readonly hasSource: (applySet: string) => boolean;
  /** Objects of this kind (gvkKey) were seen before their source was, and not kept: they have to be told again. */
  readonly lookAgain: (kind: string) => void;
}

/** `now` is RFC 3339: since when a change is there that the API server has not timed. */
export function createAssessor(
  isMetadataOnly: (resource: Resource) => boolean,
  now: () => string,
  onUnrecorded: OnUnrecorded = () => {},
  keeping: Keeping = { hasSource: () => true, lookAgain: () => {} },
): Assessor {
  const memos = new Map<string, Memo>();
  /** By ApplySet, then by object: two sources may state the same one. */
  const statements = new Map<string, Map<string, Statement>>();
  /** Objects seen before it was known what was written to them: after a restart, until their source has rendered. */
  const waiting = new Map<
    string,
    {
      readonly resource: Resource;
      readonly applySet: string;
      readonly isOurs: boolean;
      readonly packed: Packed;
      readonly metadataOnly: boolean;
    }
  >();

  /** The kinds of objects that were not kept, by an ApplySet that no source had. */
  const passed = new Map<string, Set<string>>();

  function assess(sight: Sight): Drift | undefined {
    const { key, object, resource } = sight;
    const statement = statements.get(object.metadata.labels?.[partOfLabel] ?? '')?.get(key);
    if (statement?.exempt === true) {
      waiting.delete(key);
      return noDrift;
    }
    const stated = choose(statement, object);
    if (stated === undefined) {
      keep(sight);
      return undefined;
    }
    waiting.delete(key);
    const memo = memos.get(key);
    // The API server converts: an object in another version than the manifest's says nothing by its fields.
    if (stated.kind.version !== resource.version) return memo?.drift;
    return judge(sight, stated, memo);
  }

  /** Until it is stated: no copy of a label, and nothing of another tool's set, which may never be. */
  function keep({ key, resource, object, metadataOnly }: Sight): void {
    const applySet = object.metadata.labels?.[partOfLabel] ?? '';
    const isKnown = keeping.hasSource(applySet);
    const isOurs = readLiveObject(resource, object).ownsLabel;
    if (isKnown && (isOurs || !statements.has(applySet))) {
      waiting.set(key, { resource, applySet, isOurs, packed: pack(object), metadataOnly });
      return;
    }
    waiting.delete(key);
    if (isKnown) return;
    passed.set(applySet, (passed.get(applySet) ?? new Set()).add(gvkKey(resource)));
    const [oldest] = passed.keys();
    if (passed.size > mostPassed && oldest !== undefined) passed.delete(oldest);
  }

  function judge({ key, object, metadataOnly }: Sight, stated: Stated, before: Memo | undefined): Drift {
    const uid = object.metadata.uid ?? '';
    const version = object.metadata.resourceVersion ?? '';
    const same = before?.uid === uid && before.hash === stated.hash ? before : undefined;
    const print = fingerprint(object, metadataOnly);
    const ownWrite = before?.written?.version === version ? before.written : undefined;
    if (same !== undefined && ownWrite === undefined && print !== undefined && print === same.print) {
      if (version === same.version || isClean(same.drift) || isStatusLater(object)) return same.drift;
    }
    const all = unpackStated(stated);
    const known = same?.known ?? false;
    const { drift: assessed, mutated } = assessDrift({
      kind: stated.kind,
      stated: all,
      hash: stated.hash,
      object,
      metadataOnly,
      known,
      unrecorded: (ownWrite === undefined ? same?.unrecorded : undefined) ?? nothing,
      mutated: same?.mutated,
    });
    const heldIn = assessed.undecided.length === 0 ? undefined : (print ?? wholePrint(object));
    const held = ownWrite === undefined && heldIn !== undefined && heldIn === same?.heldIn ? same.held : undefined;
    const drift = withTimes(dropHeld(assessed, held), same?.earlier ?? same?.drift, now());
    const memo: Memo = {
      uid,
      version,
      hash: stated.hash,
      print,
      known: known || isClean(assessed),
      drift: same !== undefined && isEqual(drift, same.drift) ? same.drift : drift,
      unrecorded: same?.unrecorded,
      mutated: mutated.length === 0 ? same?.mutated : new Set([...(same?.mutated ?? []), ...mutated]),
      held,
      heldIn,
      earlier: drift.undecided.length === 0 ? undefined : (same?.earlier ?? same?.drift),
      written: ownWrite === undefined ? before?.written : undefined,
    };
    if (ownWrite !== undefined) takeAsWritten(key, memo, ownWrite.leftOut);
    memos.set(key, memo);
    return memo.drift;
  }

  /** What our own write does not hold in the version that it made, the server does not record, whoever else wrote (rule 28). */
  function takeAsWritten(key: string, memo: Memo, leftOut: readonly Path[]): void {
    const isLeftOut = belowAny(leftOut);
    const lacking = [...memo.drift.fields.map((finding) => finding.path), ...memo.drift.lost, ...memo.drift.undecided];
    const unrecorded = lacking.filter((path) => path.length > 0 && !isLeftOut(path)).map(pathText);
    tellNews(key, memo.unrecorded, unrecorded);
    memo.unrecorded = unrecorded.length === 0 ? undefined : new Set(unrecorded);
    memo.held = undefined;
    memo.earlier = undefined;
    memo.known = true;
    memo.drift = within(memo.drift, leftOut);
  }

  function tellNews(key: string, before: ReadonlySet<string> | undefined, fields: readonly string[]): void {
    const news = fields.filter((field) => before?.has(field) !== true);
    if (news.length > 0) onUnrecorded(key, news);
  }

  return {
    assess,
    wrote(key, version, leftOut) {
      const memo = memos.get(key);
      const written = { version, leftOut };
      if (memo === undefined) {
        memos.set(key, { ...unknown, written });
      } else if (memo.version === version) {
        takeAsWritten(key, memo, leftOut);
        return memo.drift;
      } else {
        memo.written = written;
      }
      return undefined;
    },
    *state(applySet, manifests, applied) {
      const ofSet = statements.get(applySet) ?? new Map<string, Statement>();
      statements.set(applySet, ofSet);
      for (const manifest of manifests) {
        const key = objectKey(manifest.id);
        const statement: Statement = ofSet.get(key) ?? { written: undefined, next: undefined, exempt: false };
        statement.exempt = isExempt(manifest);
        ofSet.set(key, statement);
        if (statement.written?.hash === manifest.hash && statement.written.kind.version === manifest.id.version) {
          statement.next = undefined;
        } else if (statement.next?.hash !== manifest.hash || statement.next.kind.version !== manifest.id.version) {
          statement.next = packStated(manifest, applySet, isMetadataOnly(manifest.resource));
        }
        if (applied && statement.written === undefined) statement.written = statement.next;
        const seen = waiting.get(key);
        if (seen?.applySet !== applySet) {
          yield undefined;
          continue;
        }
        const object = parseJson(unpackText(seen.packed)) as KubeObject;
        const drift = assess({ key, resource: seen.resource, object, metadataOnly: seen.metadataOnly });
        yield drift === undefined ? undefined : [key, drift];
      }
      for (const kind of passed.get(applySet) ?? []) keeping.lookAgain(kind);
      passed.delete(applySet);
    },
    retain(applySet, stated) {
      const ofSet = statements.get(applySet);
      for (const key of ofSet?.keys() ?? []) if (stated?.has(key) !== true) ofSet?.delete(key);
      if (stated === undefined) statements.delete(applySet);
      for (const [key, seen] of waiting) {
        if (seen.applySet === applySet && !(stated !== undefined && (seen.isOurs || stated.has(key)))) waiting.delete(key);
      }
    },
    isStated: (applySet) => statements.has(applySet),
    settle(key, { uid, resourceVersion, asked, settled, refused }) {
      const memo = memos.get(key);
      // A later change was judged already, by itself. One that is still to come will be.
      if (memo === undefined || memo.uid !== uid || isNewer(memo.version, resourceVersion)) return undefined;
      const texts = new Set(asked.map(pathText));
      const isOpen = (path: Path): boolean => !texts.has(pathText(path));
      tellNews(key, memo.unrecorded, settled.unrecorded);
      if (settled.unrecorded.length > 0) memo.unrecorded = new Set([...(memo.unrecorded ?? []), ...settled.unrecorded]);
      if (settled.held.length > 0) memo.held = new Set([...(memo.held ?? []), ...settled.held]);
      if (refused !== true) memo.known = true;
      const drift = {
        fields: [...memo.drift.fields, ...settled.fields],
        extra: memo.drift.extra,
        lost: [...memo.drift.lost, ...settled.lost],
        undecided: memo.drift.undecided.filter(isOpen),
        unheld: memo.drift.unheld.filter(isOpen),
      };
      memo.drift = isClean(drift) ? noDrift : withTimes(drift, memo.earlier, now());
      if (memo.drift.undecided.length === 0) memo.earlier = undefined;
      return memo.drift;
    },
    forget(key) {
      memos.delete(key);
      waiting.delete(key);
    },
  };
}

const nothing: ReadonlySet<string> = new Set();
/** Of more ApplySets than these it is not known that objects of theirs were passed over. */
const mostPassed = 10_000;

/** Rule 22: these are left out of correction. */
function isExempt({ object }: Manifest): boolean {
  const { annotations } = object.metadata;
  return annotations?.[ignoreAnnotation] === 'true' || annotations?.[applyAnnotation] === 'IfNotPresent';
}

const unknown = {
  uid: '',
  version: '',
  hash: '',
  print: undefined,
  known: false,
  drift: noDrift,
  unrecorded: undefined,
  mutated: undefined,
  held: undefined,
  heldIn: undefined,
  earlier: undefined,
} as const satisfies Omit<Memo, 'written'>;

/** What of a verdict is about these paths: all that is left of it after a write that left them out. */
export function within(drift: Drift, paths: readonly Path[]): Drift {
  const isIn = belowAny(paths);
  const { fields, extra, lost, undecided, unheld } = drift;
  const left = {
    fields: fields.filter(({ path }) => isIn(path)),
    extra,
    lost: lost.filter(isIn),
    undecided: undecided.filter(isIn),
    unheld: unheld.filter(isIn),
  };
  return isClean(left) ? noDrift : left;
}

/** The statement that the object carries the hash of; else the one last seen on it, against which it is measured. */
function choose(statement: Statement | undefined, object: KubeObject): Stated | undefined {
  if (statement === undefined) return undefined;
  const hash = object.metadata.annotations?.[hashAnnotation];
  if (statement.next !== undefined && statement.next.hash === hash) {
    statement.written = statement.next;
    statement.next = undefined;
  }
  return statement.written;
}

function dropHeld(drift: Drift, held: ReadonlySet<string> | undefined): Drift {
  if (held === undefined || drift.undecided.length === 0) return drift;
  const isOpen = (path: Path): boolean => !held.has(pathText(path));
  const left = { ...drift, undecided: drift.undecided.filter(isOpen), unheld: drift.unheld.filter(isOpen) };
  return isClean(left) ? noDrift : left;
}

/** The object without its status, as small as it goes: it waits only until its source has rendered. */
function pack(object: KubeObject): Packed {
  const { status: _status, ...rest } = object;
  const managedFields = (object.metadata.managedFields ?? []).filter((entry) => entry.subresource !== 'status');
  return packText(stringifyJson({ ...rest, metadata: { ...object.metadata, managedFields } }));
}
