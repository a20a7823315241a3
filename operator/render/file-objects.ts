/** What the objects of one file are, so that two versions of it can be compared object by object. */
import { gvkOf } from '../kube/types.ts';
import type { ObjectId } from '../kube/types.ts';
import { readDocuments } from './documents.ts';
import type { ManifestFile } from './documents.ts';
import { faultList } from './faults.ts';
import { hashManifest } from './hash.ts';
import { normalise } from './normalise.ts';
import { isKubernetes, objectsOf } from './objects.ts';

/** By group, kind, namespace as stated and name: the hash of the manifest as the file states it. */
export type FileObjects = ReadonlyMap<string, string>;

/**
 * The objects of a file as any revision of it would be rendered. What cannot be read, or states the wrong shape, is left
 * out: such a version never was applied. Where lines stand, comments and the order of keys change nothing.
 */
export function fileObjects(file: ManifestFile): FileObjects {
  const objects = new Map<string, string>();
  const faults = faultList();
  for (const document of readDocuments(file, faults)) {
    if (!isKubernetes(document.value)) continue;
    for (const { object } of objectsOf(document, faults)) {
      const normalised = normalise(object).object;
      const { namespace, name } = normalised.metadata;
      const key = statedKey({ ...gvkOf(normalised), namespace: namespace ?? '', name });
      const twice = objects.get(key);
      const hash = hashManifest(normalised);
      objects.set(key, twice === undefined ? hash : `${twice} ${hash}`);
    }
  }
  return objects;
}

/**
 * The key of an object in the file that states it. The file may leave the namespace to the source, or state one for a
 * cluster-wide object. Undefined where the file does not hold it.
 */
export function keyInFile(objects: FileObjects, id: ObjectId): string | undefined {
  const candidates = [statedKey(id), statedKey({ ...id, namespace: '' })];
  const found = candidates.find((key) => objects.has(key));
  if (found !== undefined || id.namespace !== '') return found;
  const suffix = ` ${id.name}`;
  const prefix = `${id.group}/${id.kind} `;
  return [...objects.keys()].find((key) => key.startsWith(prefix) && key.endsWith(suffix));
}

function statedKey({ group, kind, namespace, name }: Pick<ObjectId, 'group' | 'kind' | 'namespace' | 'name'>): string {
  return `${group}/${kind} ${namespace} ${name}`;
}
