/** What the objects of one file are, so that two versions of it can be compared object by object. */
import { gvkOf } from '../kube/types.ts';
import type { ObjectId } from '../kube/types.ts';
import { readDocuments } from './documents.ts';
import type { ManifestFile } from './documents.ts';
import { faultList } from './faults.ts';
import { hashManifest } from './hash.ts';
import { normalise } from './normalise.ts';
import { isKubernetes, objectsOf } from './objects.ts';

/** The objects of one version of a file. */
export interface FileObjects {
  /**
   * The hash of an object's manifest as the file states it; `objectInFile` says how it is named. The file may leave the
   * namespace to the source, or state one for a cluster-wide object. Undefined where it does not state the object.
   */
  get(object: string): string | undefined;
  /** How many there are. */
  readonly size: number;
}

/** An object by group, kind, namespace and name: what it is asked for by. */
export function objectInFile({ group, kind, namespace, name }: Omit<ObjectId, 'version'>): string {
  return `${namespace} ${group}/${kind} ${name}`;
}

/**
 * The objects of a file as any revision of it would be rendered. What cannot be read, or has the wrong shape, is left out:
 * such a version never was applied. Where lines stand, comments and the order of keys change nothing.
 */
export function fileObjects(file: ManifestFile): FileObjects {
  // By kind and name, then by namespace: a file that states one twice is refused, so both of them count.
  const objects = new Map<string, Map<string, string>>();
  const faults = faultList();
  let size = 0;
  for (const document of readDocuments(file, faults)) {
    if (!isKubernetes(document.value)) continue;
    for (const { object } of objectsOf(document, faults)) {
      const normalised = normalise(object).object;
      const { namespace, name } = normalised.metadata;
      const [where, what] = parted(objectInFile({ ...gvkOf(normalised), namespace: namespace ?? '', name }));
      const alike = objects.get(what) ?? new Map<string, string>();
      objects.set(what, alike);
      alike.set(where, `${alike.get(where) ?? ''}${hashManifest(normalised)}`);
      size += 1;
    }
  }
  return {
    size,
    get(object) {
      const [where, what] = parted(object);
      const alike = objects.get(what);
      return alike?.get(where) ?? alike?.get('') ?? (where === '' ? alike?.values().next().value : undefined);
    },
  };
}

function parted(object: string): readonly [namespace: string, rest: string] {
  const space = object.indexOf(' ');
  return [object.slice(0, space), object.slice(space + 1)];
}
