/** Pure: which images the workloads of a revision run, as git states them. */
import { appCommitAnnotation } from '../api/names.ts';
import { detached, shared } from '../kept-text.ts';
import type { KubeObject } from '../kube/types.ts';

/** A container of a workload. Every text is bounded, and empty where git says nothing. */
export interface WorkloadImage {
  /** Of the workload; empty for what has none. */
  readonly namespace: string;
  readonly kind: string;
  readonly workload: string;
  readonly container: string;
  /** Without the digest, `registry.example.com/shop/web:1.4`. */
  readonly image: string;
  /** `sha256:…` */
  readonly digest: string;
  readonly appCommit: string;
}

/** Of the OCI image specification, where a pod template repeats it. */
const revisionLabel = 'org.opencontainers.image.revision';

/** What one source shows at most: a scrape stays bounded whatever a repository states. */
const maxImages = 2_000;
const maxImage = 512;
const maxName = 253;
/** A commit, a version, a short name: nothing else becomes a label. */
const commitPattern = /^[0-9A-Za-z][0-9A-Za-z._+-]{0,63}$/;

/** The containers of these manifests, init containers included, each once. */
export function workloadImages(manifests: readonly { readonly object: KubeObject }[]): readonly WorkloadImage[] {
  const found = new Map<string, WorkloadImage>();
  for (const { object } of manifests) {
    for (const image of imagesOf(object)) {
      if (found.size >= maxImages) return [...found.values()];
      // Two groups can have a kind of the same name.
      found.set([image.namespace, image.kind, image.workload, image.container].join('\n'), image);
    }
  }
  return [...found.values()];
}

function imagesOf(object: KubeObject): WorkloadImage[] {
  const pod = podOf(object);
  if (pod === undefined) return [];
  const { metadata, kind } = object;
  const appCommit = appCommitOf(object, pod);
  const containers = [...list(fieldOf(pod.spec, 'initContainers')), ...list(fieldOf(pod.spec, 'containers'))];
  return containers.flatMap((container): WorkloadImage[] => {
    const name = fieldOf(container, 'name');
    const image = fieldOf(container, 'image');
    if (typeof name !== 'string' || typeof image !== 'string' || image === '') return [];
    const at = image.indexOf('@');
    return [
      {
        namespace: shared(metadata.namespace ?? ''),
        kind: shared(kind),
        workload: shared(metadata.name.slice(0, maxName)),
        container: shared(name.slice(0, maxName)),
        image: detached((at < 0 ? image : image.slice(0, at)).slice(0, maxImage)),
        digest: at < 0 ? '' : detached(image.slice(at + 1).slice(0, maxName)),
        appCommit: shared(appCommit),
      },
    ];
  });
}

interface Pod {
  readonly metadata: unknown;
  readonly spec: unknown;
}

/** A pod, a pod template (of whatever kind: custom workloads have it in the same place), or that of a CronJob's jobs. */
function podOf(object: KubeObject): Pod | undefined {
  const spec = object['spec'];
  if (object.kind === 'Pod' && object.apiVersion === 'v1') return { metadata: object.metadata, spec };
  const template = object.kind === 'PodTemplate' ? object['template'] : (fieldOf(spec, 'template') ?? jobTemplateOf(spec));
  const podSpec = fieldOf(template, 'spec');
  return Array.isArray(fieldOf(podSpec, 'containers')) ? { metadata: fieldOf(template, 'metadata'), spec: podSpec } : undefined;
}

function jobTemplateOf(spec: unknown): unknown {
  return fieldOf(fieldOf(fieldOf(spec, 'jobTemplate'), 'spec'), 'template');
}

function appCommitOf({ metadata }: KubeObject, pod: Pod): string {
  const stated = [
    metadata.annotations?.[appCommitAnnotation],
    fieldOf(fieldOf(pod.metadata, 'annotations'), appCommitAnnotation),
    fieldOf(fieldOf(pod.metadata, 'labels'), revisionLabel),
  ];
  return stated.find((one): one is string => typeof one === 'string' && commitPattern.test(one)) ?? '';
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
