/** A GitOpsSource from a file, as kubectl apply would take it. */
import { apiVersion, kind } from '../api/names.ts';
import { PlumblineError } from '../errors.ts';
import type { KubeObject } from '../kube/types.ts';
import { faultList, readDocuments } from '../render/index.ts';

/** The one GitOpsSource in the file. Throws PlumblineError with file and line. */
export function readSourceFile(content: Buffer, path: string): KubeObject {
  const faults = faultList();
  const documents = readDocuments({ path, content }, faults);
  faults.throwIfAny();
  const sources = documents
    .map(({ value }) => value as KubeObject)
    .filter((object) => object?.apiVersion === apiVersion && object.kind === kind);
  const [source] = sources;
  if (source === undefined || sources.length > 1) {
    throw new PlumblineError({
      reason: 'InvalidSpec',
      place: { file: path },
      message: `holds ${sources.length} GitOpsSources instead of one`,
    });
  }
  if (typeof source.metadata?.name !== 'string') {
    throw new PlumblineError({ reason: 'InvalidSpec', place: { file: path }, message: 'the GitOpsSource has no metadata.name' });
  }
  return source;
}
