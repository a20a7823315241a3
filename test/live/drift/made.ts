/** A Deployment, its manifest and its managedFields as the API server writes them, for tables. */
import { commitAnnotation, hashAnnotation, originAnnotation, partOfLabel } from '../../../operator/api/names.ts';
import type { KubeObject, ManagedFieldsEntry } from '../../../operator/kube/types.ts';
import { assessDrift } from '../../../operator/live/drift/assess.ts';
import type { AssessInput } from '../../../operator/live/drift/assess.ts';
import { pathText } from '../../../operator/live/drift/path.ts';
import { packStated, unpackStated } from '../../../operator/live/drift/stated.ts';
import type { Drift } from '../../../operator/live/drift/types.ts';

export type Json = Record<string, unknown>;

const time = '2026-11-25T10:00:00Z';

/** An entry that holds these fields; `.` and `{}` as the server writes them. */
export function entry(
  manager: string,
  operation: 'Apply' | 'Update',
  fields: Json,
  more: Partial<ManagedFieldsEntry> = {},
): ManagedFieldsEntry {
  return { manager, operation, apiVersion: 'apps/v1', time, fieldsType: 'FieldsV1', fieldsV1: fields, ...more };
}

/** Ours, with the metadata that every object carries. */
export function ours(fields: Json, more: { labels?: Json; annotations?: Json } & Partial<ManagedFieldsEntry> = {}): ManagedFieldsEntry {
  const { labels = {}, annotations = {}, ...rest } = more;
  const marks = { [`f:${commitAnnotation}`]: {}, [`f:${hashAnnotation}`]: {}, [`f:${originAnnotation}`]: {} };
  const metadata = { 'f:labels': { [`f:${partOfLabel}`]: {}, ...labels }, 'f:annotations': { ...marks, ...annotations } };
  return entry('plumbline', 'Apply', { 'f:metadata': metadata, ...fields }, rest);
}

export interface Case {
  readonly stated: Json;
  /** The live object but for apiVersion, kind and marks. */
  readonly live: Json;
  readonly entries: readonly ManagedFieldsEntry[];
  readonly known?: boolean;
  readonly unrecorded?: readonly string[];
  readonly mutated?: ReadonlySet<string> | undefined;
  readonly metadataOnly?: boolean;
  readonly kind?: { group: string; version: string; kind: string };
  readonly hash?: string;
}

const deployment = { group: 'apps', version: 'v1', kind: 'Deployment' };

export function inputOf({
  stated,
  live,
  entries,
  known = true,
  unrecorded = [],
  mutated,
  metadataOnly = false,
  kind = deployment,
  hash = 'v1:a',
}: Case): AssessInput {
  const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
  const manifest = {
    apiVersion,
    kind: kind.kind,
    ...stated,
    metadata: { name: 'web', namespace: 'shop', ...(stated['metadata'] as Json) },
  };
  const packed = packStated({ resource: kind, object: manifest, hash: 'v1:a' }, 'applyset-x-v1', metadataOnly);
  const { labels, annotations, ...metadata } = (live['metadata'] ?? {}) as Json;
  const object = {
    apiVersion,
    kind: kind.kind,
    ...live,
    metadata: {
      name: 'web',
      namespace: 'shop',
      ...metadata,
      labels: { [partOfLabel]: 'applyset-x-v1', ...(labels as Json) },
      annotations: { [hashAnnotation]: hash, [commitAnnotation]: 'c', [originAnnotation]: 'o', ...(annotations as Json) },
      managedFields: entries,
    },
  } as unknown as KubeObject;
  return { kind, stated: unpackStated(packed), hash: 'v1:a', object, metadataOnly, known, unrecorded: new Set(unrecorded), mutated };
}

/** The fields but for these. */
export function without(fields: Json, ...names: string[]): Json {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

/** The verdict in short: `modified spec.replicas by kubectl-scale`. */
export function verdict(made: Case): readonly string[] {
  return shown(assessDrift(inputOf(made)).drift);
}

export function shown(drift: Drift): readonly string[] {
  const by = (manager: string | undefined): string => (manager === undefined ? '' : ` by ${manager}`);
  return [
    ...[...drift.fields, ...drift.extra].map((finding) => `${finding.class} ${pathText(finding.path)}${by(finding.manager)}`),
    ...drift.lost.map((path) => `lost ${pathText(path)}`),
    ...drift.undecided.map((path) => `undecided ${pathText(path)}`),
  ];
}
