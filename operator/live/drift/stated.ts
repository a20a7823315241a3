/**
 * What was last written to an object, kept as small as can be: it is what the object is compared with. Secret and large
 * values are never kept.
 */
import { commitAnnotation, commitBoundAnnotation, hashAnnotation, originAnnotation, partOfLabel } from '../../api/names.ts';
import { parseJson, stringifyJson } from '../../kube/json.ts';
import type { GroupVersionKind, KubeObject } from '../../kube/types.ts';
import { isMapping } from '../../render/fields.ts';
import { packText, unpackText } from '../packed.ts';
import type { Packed } from '../packed.ts';

/** A manifest as it was written, packed. */
export interface Stated {
  readonly kind: GroupVersionKind;
  readonly hash: string;
  /** JSON, deflated above `large` characters. */
  readonly text: string | Packed;
}

/** A manifest, as far as it matters here (render/types.ts). */
export interface StatedManifest {
  readonly resource: GroupVersionKind;
  readonly object: KubeObject;
  readonly hash: string;
}

/** Annotations of where an object comes from are never a reason to write (rule 7). */
export const neverCompared: ReadonlySet<string> = new Set([commitAnnotation, commitBoundAnnotation, originAnnotation]);

const large = 4_096;
/** Stands where a value is not kept, and is like no live value. */
const untold = '\u0000untold';
const dataFields: ReadonlySet<string> = new Set(['data', 'binaryData', 'stringData']);

/** Packs what is written of a manifest, with our label and hash; commit and origin are never a reason to write (rule 7). */
export function packStated({ resource, object, hash }: StatedManifest, applySet: string, metadataOnly: boolean): Stated {
  const { metadata } = object;
  const stated = {
    ...(metadataOnly ? withoutData(object) : object),
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, [partOfLabel]: applySet },
      annotations: { ...metadata.annotations, [hashAnnotation]: hash },
    },
  };
  const text = stringifyJson(stated);
  return { kind: resource, hash, text: text.length > large ? packText(text) : text };
}

/** What was written, to be compared. */
export function unpackStated({ text }: Stated): Readonly<Record<string, unknown>> {
  return parseJson(typeof text === 'string' ? text : unpackText(text)) as Readonly<Record<string, unknown>>;
}

function withoutData(object: KubeObject): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(object).map(([field, value]) =>
      dataFields.has(field) && isMapping(value)
        ? [field, Object.fromEntries(Object.keys(value).map((key) => [key, value[key] === null ? null : untold]))]
        : [field, value],
    ),
  );
}
