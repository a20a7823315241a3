/** Pure: the object as it is sent to the API server. */
import { atOrBefore, commitAnnotation, commitBoundAnnotation, hashAnnotation, originAnnotation, partOfLabel } from '../api/names.ts';
import { objectKey } from '../kube/types.ts';
import type { KubeObject } from '../kube/types.ts';
import { withoutPaths } from '../live/drift/path.ts';
import type { Write } from '../plan/types.ts';
import type { Manifest } from '../render/types.ts';

/** Where a manifest comes from, as the annotations of its object say it (rule 7). */
export interface Origin {
  /** The commit at which it last changed. */
  readonly commit: string;
  /** False: at that commit, or before. */
  readonly exact: boolean;
  /** `path/file.yaml:12`, where that is not where the manifest stands now. */
  readonly place?: string | undefined;
}

export interface Mark {
  readonly applySet: string;
  /** The commit that is being applied. */
  readonly commit: string;
  /** By objectKey; what is not in it changed at `commit` or before. */
  readonly origins?: ReadonlyMap<string, Origin> | undefined;
}

/** The manifest with its member label and the annotations that say where it came from (rule 7), and `uid` for rule 12. */
export function desired(manifest: Manifest, mark: Mark, uid?: string): KubeObject {
  const { metadata } = manifest.object;
  const origin: Origin = mark.origins?.get(objectKey(manifest.id)) ?? { commit: mark.commit, exact: false };
  return {
    ...manifest.object,
    metadata: {
      ...metadata,
      ...(uid === undefined ? {} : { uid }),
      labels: { ...metadata.labels, [partOfLabel]: mark.applySet },
      annotations: {
        ...metadata.annotations,
        [commitAnnotation]: origin.commit,
        ...(origin.exact ? {} : { [commitBoundAnnotation]: atOrBefore }),
        [originAnnotation]: origin.place ?? `${manifest.place.file}:${manifest.place.line}`,
        [hashAnnotation]: manifest.hash,
      },
    },
  };
}

/** What a write sends: without what is left to others; a correction keeps the annotations of the write that it restores (rule 7). */
export function desiredOf({ manifest, uid, leaveOut = [], puts }: Write, mark: Mark): KubeObject {
  const object = desired(manifest, mark, uid);
  const whole = puts?.annotations[commitAnnotation] === undefined ? object : withOrigin(object, puts.annotations);
  return leaveOut.length === 0 ? whole : withoutPaths(whole, leaveOut);
}

/** The object with these annotations of where it comes from in the place of its own. */
function withOrigin(object: KubeObject, live: Readonly<Record<string, string>>): KubeObject {
  const { metadata } = object;
  const { [commitBoundAnnotation]: _bound, ...own } = metadata.annotations ?? {};
  const annotations: Record<string, string> = { ...own };
  for (const name of [commitAnnotation, commitBoundAnnotation, originAnnotation]) {
    const value = live[name];
    if (value !== undefined) annotations[name] = value;
  }
  return { ...object, metadata: { ...metadata, annotations } };
}
