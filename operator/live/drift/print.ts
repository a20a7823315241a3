/** Pure: numbers that stand for an object, to tell whether it has to be judged anew. */
import { hashAnnotation } from '../../api/names.ts';
import { stringifyJson } from '../../kube/json.ts';
import type { KubeObject } from '../../kube/types.ts';
import { ownEntry } from './fields.ts';

/**
 * A number that changes when a verdict may: our entry can only shrink until we write again, and whoever takes from it is
 * timed. The order of items is told by the generation; a kind that has none is compared each time.
 */
export function fingerprint({ metadata }: KubeObject, metadataOnly: boolean): number | undefined {
  if (metadata.generation === undefined && !metadataOnly) return undefined;
  const own = ownEntry(metadata.managedFields);
  let print = mix(2_166_136_261, `${metadata.generation ?? ''} ${metadata.annotations?.[hashAnnotation] ?? ''} ${own?.apiVersion ?? ''}`);
  for (const entry of metadata.managedFields ?? []) {
    if (entry.subresource === 'status') continue;
    const told = entry === own || entry.manager?.startsWith('kubectl') === true;
    const size = told ? JSON.stringify(entry.fieldsV1).length : 0;
    print = mix(print, `${entry.manager}/${entry.operation}/${entry.time}/${size}`);
  }
  return print;
}

/**
 * Whether the status was written in a later second than all else. Times are whole seconds: until then, an object that is not as
 * stated may have been edited again without another print. One that is as stated cannot: our entry would have shrunk.
 */
export function isStatusLater({ metadata }: KubeObject): boolean {
  let [status, others] = ['', ''];
  for (const { subresource, time = '' } of metadata.managedFields ?? []) {
    if (subresource === 'status') status = time > status ? time : status;
    else others = time > others ? time : others;
  }
  return status > others;
}

/** Of a kind without generation, whose values may change while the records of its fields stay (their times are whole seconds). */
export function wholePrint({ metadata, ...rest }: KubeObject): number {
  const { resourceVersion: _version, ...marks } = metadata;
  return mix(2_166_136_261, stringifyJson({ ...rest, status: undefined, metadata: marks }));
}

/** FNV-1a */
function mix(hash: number, text: string): number {
  let result = hash;
  for (let index = 0; index < text.length; index += 1) result = Math.imul(result ^ text.charCodeAt(index), 16_777_619) >>> 0;
  return result;
}
