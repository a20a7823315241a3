/**
 * What was last written to an object, kept as small as can be: it is what the object is compared with. Secret and large
 * values are never kept.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { commitAnnotation, commitBoundAnnotation, hashAnnotation, originAnnotation, partOfLabel } from '../../api/names.ts';
import { parseJson, stringifyJson } from '../../kube/json.ts';
import type { GroupVersionKind, KubeObject } from '../../kube/types.ts';
import { isMapping } from '../../render/fields.ts';

/** A manifest as it was written, packed. */
export interface Stated {
  readonly kind: GroupVersionKind;
  readonly hash: string;
  /** JSON, deflated above `large` characters. */
  readonly text: string | Buffer;
}

/** A manifest, as far as it matters here (render/types.ts). */
export interface StatedManifest {
  readonly id: GroupVersionKind;
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
export function packStated({ id, object, hash }: StatedManifest, applySet: string, metadataOnly: boolean): Stated {
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
  const { group, version, kind } = id;
  // A copy, since what deflate answers holds on to a block of 16 KiB.
  return { kind: { group, version, kind }, hash, text: text.length > large ? Buffer.from(deflateRawSync(text, { level: 1 })) : text };
}

/** What was written, to be compared. */
export function unpackStated({ text }: Stated): Readonly<Record<string, unknown>> {
  return parseJson(typeof text === 'string' ? text : inflateRawSync(text).toString('utf8')) as Readonly<Record<string, unknown>>;
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
