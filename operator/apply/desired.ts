/** Pure: the object as it is sent to the API server. */
import { commitAnnotation, hashAnnotation, originAnnotation, partOfLabel } from '../api/names.ts';
import type { KubeObject } from '../kube/types.ts';
import type { Manifest } from '../render/types.ts';

export interface Mark {
  readonly applySet: string;
  readonly commit: string;
}

/** The manifest with its member label and the annotations that say where it came from (rule 7), and `uid` for rule 12. */
export function desired(manifest: Manifest, mark: Mark, uid?: string): KubeObject {
  const { metadata } = manifest.object;
  return {
    ...manifest.object,
    metadata: {
      ...metadata,
      ...(uid === undefined ? {} : { uid }),
      labels: { ...metadata.labels, [partOfLabel]: mark.applySet },
      annotations: {
        ...metadata.annotations,
        [commitAnnotation]: mark.commit,
        [originAnnotation]: `${manifest.place.file}:${manifest.place.line}`,
        [hashAnnotation]: manifest.hash,
      },
    },
  };
}
