/** A source as the parent of an ApplySet (KEP-3659). */
import { createHash } from 'node:crypto';
import { group, groupKindsAnnotation, kind, namespacesAnnotation, parentIdLabel, toolingAnnotation } from '../api/names.ts';
import { groupKindText } from '../kube/types.ts';

/** `applyset-<base64url(sha256(name.namespace.kind.group))>-v1`, the value of the members' part-of label. */
export function applySetId(source: { readonly namespace: string; readonly name: string }): string {
  const digest = createHash('sha256').update(`${source.name}.${source.namespace}.${kind}.${group}`).digest('base64url');
  return `applyset-${digest}-v1`;
}

/** What the parent says of its set. */
export interface ParentSet {
  /** `Deployment.apps`, sorted. */
  readonly groupKinds: readonly string[];
  /** Namespaces of members other than the parent's own, sorted. */
  readonly namespaces: readonly string[];
}

/** The set of these objects. */
export function setOf(
  objects: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[],
  own: string,
): ParentSet {
  const groupKinds = new Set(objects.map(groupKindText));
  const namespaces = new Set(objects.map((object) => object.namespace).filter((namespace) => namespace !== '' && namespace !== own));
  return { groupKinds: [...groupKinds].sort(), namespaces: [...namespaces].sort() };
}

/** Reads the parent's annotations; what is not there is empty. */
export function readParent(annotations: Readonly<Record<string, string>> | undefined): ParentSet {
  const list = (name: string) =>
    (annotations?.[name] ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  return { groupKinds: list(groupKindsAnnotation), namespaces: list(namespacesAnnotation) };
}

/** Both, so that a crash between the first write of a kind and the last never hides a member. */
export function widen(a: ParentSet, b: ParentSet): ParentSet {
  return {
    groupKinds: [...new Set([...a.groupKinds, ...b.groupKinds])].sort(),
    namespaces: [...new Set([...a.namespaces, ...b.namespaces])].sort(),
  };
}

/** Whether both say the same, whatever the order. */
export function sameSet(a: ParentSet, b: ParentSet): boolean {
  return sameList(a.groupKinds, b.groupKinds) && sameList(a.namespaces, b.namespaces);
}

/** Label and annotations of the parent, for a merge patch. */
export function parentMetadata(id: string, set: ParentSet, tooling: string) {
  return {
    labels: { [parentIdLabel]: id },
    annotations: {
      [toolingAnnotation]: tooling,
      [groupKindsAnnotation]: set.groupKinds.join(','),
      [namespacesAnnotation]: set.namespaces.length === 0 ? null : set.namespaces.join(','),
    },
  };
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && [...a].sort().join(',') === [...b].sort().join(',');
}
