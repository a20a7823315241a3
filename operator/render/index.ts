/** Files to manifests: `readSnapshot`, then `settle` once it is known what the API server serves. */
export { crdResources } from './crds.ts';
export { readDocuments } from './documents.ts';
export { faultList } from './faults.ts';
export { fileObjects, objectInFile } from './file-objects.ts';
export type { FileObjects } from './file-objects.ts';
export { canonicalJson, hashManifest } from './hash.ts';
export { readSnapshot, readingSnapshot } from './read.ts';
export type { ReadSnapshot } from './read.ts';
export { settle, settling } from './settle.ts';
export type { Draft, Manifest, Notice, Rendered, RenderReason, ScopeOf, SettleOptions } from './types.ts';
