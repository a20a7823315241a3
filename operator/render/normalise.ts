/** Leaves out of a manifest what the API server sets, and says what was left out (rule 2). */
import {
  apiVersion as ownApiVersion,
  commitAnnotation,
  commitBoundAnnotation,
  finalizer,
  groupKindsAnnotation,
  hashAnnotation,
  kind as ownKind,
  namespacesAnnotation,
  originAnnotation,
  parentIdLabel,
  partOfLabel,
  toolingAnnotation,
} from '../api/names.ts';
import type { KubeObject } from '../kube/types.ts';
import { isMapping, typeText, withoutFields } from './fields.ts';

type Path = readonly string[];

export interface Normalised {
  /** A new object where anything was left out, else the one given. */
  readonly object: KubeObject;
  /** Fields that were left out and held something. */
  readonly leftOut: readonly Path[];
  readonly faults: readonly { readonly path: Path; readonly message: string }[];
}

const serverMetadata: ReadonlySet<string> = new Set([
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'generation',
  'managedFields',
  'resourceVersion',
  'selfLink',
  'uid',
]);
const serverAnnotations: ReadonlySet<string> = new Set([
  'deployment.kubernetes.io/revision',
  'kubectl.kubernetes.io/last-applied-configuration',
  commitAnnotation,
  commitBoundAnnotation,
  hashAnnotation,
  originAnnotation,
]);
const serverLabels: ReadonlySet<string> = new Set([partOfLabel]);
const parentAnnotations: ReadonlySet<string> = new Set([
  ...serverAnnotations,
  groupKindsAnnotation,
  namespacesAnnotation,
  toolingAnnotation,
]);
const parentLabels: ReadonlySet<string> = new Set([...serverLabels, parentIdLabel]);

/**
 * The manifest without `status`, without what the API server and Plumbline itself write into metadata, and with a Secret's
 * `stringData` turned into `data`. What is empty is left out silently (`status: {}`, `creationTimestamp: null`).
 */
export function normalise(object: KubeObject): Normalised {
  const leftOut: Path[] = [];
  const isParent = object.apiVersion === ownApiVersion && object.kind === ownKind;
  let result: Record<string, unknown> = { ...object };
  if ('status' in result) {
    if (!isEmpty(result['status'])) leftOut.push(['status']);
    delete result['status'];
  }
  const stated = object.metadata as unknown as Record<string, unknown>;
  const metadata = normaliseMetadata(stated, isParent, leftOut);
  if (metadata !== stated) result['metadata'] = metadata;
  const secret = object.apiVersion === 'v1' && object.kind === 'Secret' && 'stringData' in result ? encodeStringData(result) : undefined;
  if (secret !== undefined) result = secret.object;
  return { object: result as KubeObject, leftOut, faults: secret?.faults ?? [] };
}

function normaliseMetadata(metadata: Record<string, unknown>, isParent: boolean, leftOut: Path[]): Record<string, unknown> {
  let result = without(metadata, serverMetadata, ['metadata'], leftOut);
  for (const [field, names] of [
    ['labels', isParent ? parentLabels : serverLabels],
    ['annotations', isParent ? parentAnnotations : serverAnnotations],
  ] as const) {
    const stated = result[field];
    if (!isMapping(stated)) continue;
    const kept = without(stated, names, ['metadata', field], leftOut);
    if (kept !== stated) result = Object.keys(kept).length === 0 ? withoutFields(result, new Set([field])) : { ...result, [field]: kept };
  }
  const finalizers = result['finalizers'];
  if (isParent && Array.isArray(finalizers) && finalizers.includes(finalizer)) {
    leftOut.push(['metadata', 'finalizers']);
    result = { ...result, finalizers: finalizers.filter((name) => name !== finalizer) };
  }
  return result;
}

function without<T extends Readonly<Record<string, unknown>>>(
  fields: T,
  names: ReadonlySet<string>,
  path: Path,
  leftOut: Path[],
): T | Record<string, unknown> {
  const found = Object.keys(fields).filter((name) => names.has(name));
  if (found.length === 0) return fields;
  for (const name of found) if (!isEmpty(fields[name])) leftOut.push([...path, name]);
  return withoutFields(fields, names);
}

function isEmpty(value: unknown): boolean {
  return value === null || (isMapping(value) && Object.keys(value).length === 0);
}

/**
 * As the API server does it: a key of `stringData` replaces the one of `data`. It is done here since under server-side apply
 * a key that leaves `stringData` would stay in `data` for ever.
 */
function encodeStringData(secret: Record<string, unknown>): { object: Record<string, unknown>; faults: Normalised['faults'] } {
  const { stringData, data } = secret;
  const result = withoutFields(secret, new Set(['stringData']));
  if (stringData === null) return { object: result, faults: [] };
  if (!isMapping(stringData))
    return { object: secret, faults: [{ path: ['stringData'], message: `is ${typeText(stringData)}, not a mapping` }] };
  if (data !== undefined && data !== null && !isMapping(data)) {
    return { object: secret, faults: [{ path: ['data'], message: `is ${typeText(data)}, not a mapping` }] };
  }
  const faults: { path: Path; message: string }[] = [];
  const encoded: [string, string][] = [];
  for (const [key, value] of Object.entries(stringData)) {
    if (typeof value === 'string') encoded.push([key, Buffer.from(value, 'utf8').toString('base64')]);
    else if (value !== null) faults.push({ path: ['stringData', key], message: `is ${typeText(value)}, not a string: put it in quotes` });
  }
  result['data'] = Object.fromEntries([...Object.entries(data ?? {}), ...encoded]);
  return { object: result, faults };
}
