/** One document to the objects it states: lists flattened, each object checked for the shape that every kind shares. */
import type { Fault } from '../errors.ts';
import { isMapping, pathText, typeText } from './fields.ts';
import type { KubeObject } from '../kube/types.ts';
import type { SourceDocument } from './documents.ts';
import type { FaultList } from './faults.ts';

type Mapping = Readonly<Record<string, unknown>>;

export interface StatedObject {
  readonly object: KubeObject;
  /** The mapping that states it, for its place in the document. */
  readonly stated: Mapping;
}

/** What a list says of the kind of its items, for items that do not. */
interface ItemDefaults {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Whether a document has anything of a Kubernetes object. */
export function isKubernetes(value: unknown): value is Mapping {
  return isMapping(value) && (value['apiVersion'] !== undefined || value['kind'] !== undefined);
}

/** The objects of a document that `isKubernetes`; what is wrong with others goes to `faults` with its place. */
export function objectsOf(document: SourceDocument, faults: FaultList): StatedObject[] {
  const found: StatedObject[] = [];
  if (isMapping(document.value)) collect(document, document.value, undefined, faults, found);
  return found;
}

function collect(
  document: SourceDocument,
  value: Mapping,
  defaults: ItemDefaults | undefined,
  faults: FaultList,
  found: StatedObject[],
): void {
  const stated: Mapping = defaults === undefined || value['kind'] !== undefined ? value : { ...value, ...defaults };
  const add = (path: readonly string[], message: string, remedy?: string): void =>
    faults.add(shapeFault(document, value, path, message, remedy));
  if (isList(stated)) {
    collectItems(document, value, stated, faults, found);
    return;
  }
  const before = faults.count;
  checkType(stated, add);
  checkMetadata(stated, add);
  if (faults.count === before) found.push({ object: stated as KubeObject, stated: value });
}

/** `List`, and the lists that the API server answers with (`ConfigMapList`); an object with a name of its own is none. */
function isList(value: Mapping): boolean {
  const { kind, items, metadata } = value;
  if (typeof kind !== 'string' || !kind.endsWith('List')) return false;
  if (kind === 'List' && value['apiVersion'] === 'v1') return true;
  return Array.isArray(items) && !(isMapping(metadata) && typeof metadata['name'] === 'string');
}

function collectItems(document: SourceDocument, value: Mapping, list: Mapping, faults: FaultList, found: StatedObject[]): void {
  const { items, kind, apiVersion } = list;
  if (items === undefined || items === null) return;
  if (!Array.isArray(items)) {
    faults.add(shapeFault(document, value, ['items'], `is ${typeText(items)}, not a list`));
    return;
  }
  const itemKind = String(kind).slice(0, -'List'.length);
  const defaults = itemKind === '' || typeof apiVersion !== 'string' ? undefined : { apiVersion, kind: itemKind };
  for (const [index, item] of items.entries()) {
    if (isMapping(item)) collect(document, item, defaults, faults, found);
    else
      faults.add({
        reason: 'RenderFailed',
        place: document.placeOf(value, 'items'),
        message: `${pathText(['items', index])} is ${typeText(item)}, not an object`,
      });
  }
}

type Add = (path: readonly string[], message: string, remedy?: string) => void;

function checkType(value: Mapping, add: Add): void {
  for (const field of ['apiVersion', 'kind'] as const) {
    const stated = value[field];
    if (stated === undefined || stated === null || stated === '') add([field], 'is missing');
    else if (typeof stated !== 'string') add([field], `is ${typeText(stated)}, not a string`);
    else if (!(field === 'kind' ? /^[^/\s]+$/ : /^(?:[^/\s]+\/)?[^/\s]+$/).test(stated)) {
      add([field], field === 'kind' ? 'is no kind' : 'is neither VERSION nor GROUP/VERSION');
    }
  }
}

function checkMetadata(value: Mapping, add: Add): void {
  const { metadata } = value;
  if (metadata !== undefined && metadata !== null && !isMapping(metadata)) {
    add(['metadata'], `is ${typeText(metadata)}, not a mapping`);
    return;
  }
  checkName(metadata ?? {}, add);
  for (const field of ['labels', 'annotations']) checkStrings(metadata?.[field], ['metadata', field], add);
}

function checkName(metadata: Mapping, add: Add): void {
  const { name, namespace, generateName } = metadata;
  if (name !== undefined && name !== null && name !== '') {
    checkSegment(name, ['metadata', 'name'], add);
  } else if (generateName !== undefined && generateName !== null) {
    add(
      ['metadata', 'generateName'],
      'makes a new object at every apply, so it cannot be kept at what git says',
      'Give the object a metadata.name.',
    );
  } else {
    add(['metadata', 'name'], 'is missing');
  }
  if (namespace !== undefined && namespace !== null && namespace !== '') checkSegment(namespace, ['metadata', 'namespace'], add);
}

/** The rest of a name's shape is the API server's to judge; these would change the URL that it is asked with. */
function checkSegment(name: unknown, path: readonly string[], add: Add): void {
  if (typeof name !== 'string') add(path, `is ${typeText(name)}, not a string${isScalar(name) ? ': put it in quotes' : ''}`);
  else if (name === '.' || name === '..' || /[/%\p{Cc}]/u.test(name))
    add(path, 'may not be "." or "..", nor hold "/", "%" or a control character');
}

function checkStrings(value: unknown, path: readonly string[], add: Add): void {
  if (value === undefined || value === null) return;
  if (!isMapping(value)) {
    add(path, `is ${typeText(value)}, not a mapping`);
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    if (typeof item === 'string' || item === null) continue;
    add([...path, key], `is ${typeText(item)}, not a string${isScalar(item) ? ': put it in quotes' : ''}`);
  }
}

function isScalar(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint';
}

/** A fault of a field of an object, at the line of the field or of the nearest mapping around it. Never tells a value. */
export function shapeFault(document: SourceDocument, object: Mapping, path: readonly string[], message: string, remedy?: string): Fault {
  return {
    reason: 'RenderFailed',
    place: placeOfField(document, object, path),
    object: nameOf(object),
    message: `${pathText(path)} ${message}`,
    remedy,
  };
}

/** The place of a field that may not be there. */
export function placeOfField(document: SourceDocument, object: Mapping, path: readonly string[]): ReturnType<SourceDocument['placeOf']> {
  let mapping = object;
  for (const [index, name] of path.entries()) {
    const next = Object.hasOwn(mapping, name) ? mapping[name] : undefined;
    if (next === undefined) return index === 0 ? document.placeOf(object) : placeOfField(document, object, path.slice(0, index));
    if (index === path.length - 1 || !isMapping(next)) return document.placeOf(mapping, name);
    mapping = next;
  }
  return document.placeOf(object);
}

/** `Deployment shop/web` as far as the manifest says it; undefined without a kind. */
export function nameOf(object: Mapping): string | undefined {
  const { kind, metadata } = object;
  if (typeof kind !== 'string' || kind === '') return undefined;
  if (!isMapping(metadata) || typeof metadata['name'] !== 'string' || metadata['name'] === '') return kind;
  const { name, namespace } = metadata;
  return typeof namespace === 'string' && namespace !== '' ? `${kind} ${namespace}/${name}` : `${kind} ${name}`;
}
