/** Pure: what one object looks like against the manifest last written to it. */
import { fieldManager, hashAnnotation } from '../../api/names.ts';
import type { KubeObject } from '../../kube/types.ts';
import { apiVersionOf } from '../../kube/types.ts';
import type { GroupVersionKind } from '../../kube/types.ts';
import { compare } from './compare.ts';
import { extraFields } from './extra.ts';
import { ownEntry } from './fields.ts';
import { pathText } from './path.ts';
import type { Path } from './path.ts';
import { isClean, noDrift } from './types.ts';
import type { Drift, Finding } from './types.ts';

export interface AssessInput {
  /** The version in which the manifest is stated. */
  readonly kind: GroupVersionKind;
  /** Everything that was stated at the last write (see stated.ts). */
  readonly stated: Readonly<Record<string, unknown>>;
  /** The hash that was written with it. */
  readonly hash: string;
  /** The live object with its managedFields; metadata alone where only that is watched. */
  readonly object: KubeObject;
  readonly metadataOnly: boolean;
  /**
   * The server was seen to record every stated field but those of `unrecorded`: a field that is gone was taken away then.
   * Without that, only a dry run tells a removed field from one that is never recorded (rule 28).
   */
  readonly known: boolean;
  /** Paths, as texts, that the server does not record (rule 28) or that a dry run found to be as stated. */
  readonly unrecorded: ReadonlySet<string>;
  /** Paths, as texts, at which admission was seen to make another value of what is stated: `mutated` of earlier sights. */
  readonly mutated?: ReadonlySet<string> | undefined;
}

/** More findings of one object are not kept: who changed all of it is told by the first. */
const mostFields = 50;
const wholeObject: Path = [];

export interface Assessed {
  readonly drift: Drift;
  /**
   * What admission makes of the stated fields that we hold, where it is another value (an image from a mirror), as texts of
   * paths. Somebody else who writes such a field leaves the same behind as we would.
   */
  readonly mutated: readonly string[];
}

/** Everything that is to be told of this object. */
export function assessDrift(input: AssessInput): Assessed {
  const { kind, stated, hash, object, unrecorded } = input;
  const own = ownEntry(object.metadata.managedFields);
  // Without an entry of ours, or with one in another version, fields cannot be compared by name.
  if (own?.fieldsV1 === undefined || own.apiVersion !== apiVersionOf(kind))
    return { drift: { ...noDrift, undecided: [wholeObject] }, mutated: [] };
  const isTold = (path: Path): boolean => unrecorded.size === 0 || !unrecorded.has(pathText(path));
  const found = compare({ stated, object, seen: input.metadataOnly ? 'metadata' : 'all', mutated: input.mutated });
  const undecided = found.undecided.filter(isTold);
  const unheld = found.unheld.filter(isTold);
  const fields: Finding[] = [];
  const underOurName = object.metadata.annotations?.[hashAnnotation];
  if (underOurName !== undefined && underOurName !== hash && holdsHash(own.fieldsV1)) {
    const path = [{ field: 'metadata' }, { field: 'annotations' }, { field: hashAnnotation }];
    fields.push({ path, class: 'modified', held: true, manager: fieldManager, operation: 'Apply', since: own.time });
  }
  for (const finding of found.fields) {
    if (!isTold(finding.path)) continue;
    if (!input.known && finding.class === 'removed') {
      undecided.push(finding.path);
      unheld.push(finding.path);
    } else fields.push(finding);
  }
  const lost = found.lost.filter(isTold);
  const drift = { fields: fields.slice(0, mostFields), extra: extraFields(stated, object), lost, undecided, unheld };
  return { drift: isClean(drift) ? noDrift : drift, mutated: found.mutated.map(pathText) };
}

/** What of the stated fields an answer of the API server to a write of ours does not record (rule 28), as texts of paths. */
export function unrecordedFields(stated: Readonly<Record<string, unknown>>, answer: KubeObject): ReadonlySet<string> {
  const { fields, lost, undecided } = compare({ stated, object: answer, seen: 'answer' });
  return new Set([...fields.map((finding) => finding.path), ...lost, ...undecided].map(pathText));
}

/** The same findings with a time for those that the server recorded none for: when they were first seen. */
export function withTimes(drift: Drift, before: Drift | undefined, now: string): Drift {
  if (drift.fields.every((finding) => finding.since !== undefined)) return drift;
  const known = new Map((before?.fields ?? []).map((finding) => [`${finding.class} ${pathText(finding.path)}`, finding.since]));
  const fields = drift.fields.map((finding) =>
    finding.since === undefined ? { ...finding, since: known.get(`${finding.class} ${pathText(finding.path)}`) ?? now } : finding,
  );
  return { ...drift, fields };
}

function holdsHash(fields: Readonly<Record<string, unknown>>): boolean {
  const metadata = fields['f:metadata'] as Record<string, Record<string, unknown> | undefined> | undefined;
  return metadata?.['f:annotations']?.[`f:${hashAnnotation}`] !== undefined;
}
