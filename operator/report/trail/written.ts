/** Pure: what a walk wrote, by object and by image. */
import type { ImageChange } from '../../api/types.ts';
import { objectText } from '../../kube/types.ts';
import { cutText } from '../text.ts';
import type { WorkloadImage } from '../workloads.ts';

export type Verb = 'created' | 'changed' | 'pruned' | 'letGo';

/** One object that was written. */
export interface WrittenObject {
  readonly verb: Verb;
  /** `Deployment shop/web` */
  readonly object: string;
}

export interface Written {
  readonly objects: readonly WrittenObject[];
  readonly images: readonly ImageChange[];
}

/** What one container of a workload runs: `Deployment shop/web`, `app`, `registry.example.com/web:1`. */
export interface RunningImage {
  readonly workload: string;
  readonly container: string;
  readonly image: string;
}

/** What the CRD takes. */
const maxImage = 1_024;
const maxWorkload = 512;
const maxContainer = 253;

/**
 * The images that a revision changes, of the objects that it wrote. `before` is what ran as far as this process knows:
 * undefined after a restart.
 */
export function imageChanges(
  before: readonly RunningImage[] | undefined,
  after: readonly RunningImage[],
  objects: readonly WrittenObject[],
): readonly ImageChange[] {
  const written = new Map(objects.map(({ object, verb }) => [object, verb]));
  const old = new Map((before ?? []).map((one) => [keyOf(one), one]));
  const now = new Map(after.map((one) => [keyOf(one), one]));
  const changes: ImageChange[] = [];
  for (const [key, { workload, container, image }] of now) {
    const was = old.get(key)?.image;
    if (was !== image && written.has(workload)) changes.push(changeOf(workload, container, was, image));
  }
  for (const [key, { workload, container, image }] of old) {
    if (!now.has(key) && written.has(workload)) changes.push(changeOf(workload, container, image, undefined));
  }
  return changes;
}

function changeOf(workload: string, container: string, before: string | undefined, after: string | undefined): ImageChange {
  return {
    workload: cutText(workload, maxWorkload),
    container: cutText(container, maxContainer),
    ...(before === undefined ? {} : { before: cutText(before, maxImage) }),
    ...(after === undefined ? {} : { after: cutText(after, maxImage) }),
  };
}

function keyOf({ workload, container }: RunningImage): string {
  return `${workload}\n${container}`;
}

/** As it is kept, of an image of a revision. */
export function runningImage({
  kind,
  namespace,
  workload: name,
  container,
  image,
  digest,
}: Omit<WorkloadImage, 'appCommit'>): RunningImage {
  return { workload: objectText({ kind, namespace, name }), container, image: digest === '' ? image : `${image}@${digest}` };
}
