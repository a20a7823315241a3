/** One object under random edits: what the operator would say of it, against what the API server would do. */
import type { Json, Requester } from '../../controlplane/request.ts';
import { desired } from '../../../operator/apply/desired.ts';
import { gvkOf, objectKey } from '../../../operator/kube/types.ts';
import type { KubeObject, Resource } from '../../../operator/kube/types.ts';
import { createAssessor } from '../../../operator/live/assessor.ts';
import { isMetadataOnly } from '../../../operator/live/inventory.ts';
import { differences, disagreements } from '../../../operator/live/drift/oracle.ts';
import { settle, settleByConflicts } from '../../../operator/live/drift/settle.ts';
import { finish } from '../../../operator/render/steps.ts';
import { hashManifest } from '../../../operator/render/hash.ts';
import type { Manifest } from '../../../operator/render/types.ts';
import { mutated, partOf, pick } from './mutate.ts';
import type { Random } from './mutate.ts';

const mark = { applySet: 'applyset-of-random-edits-v1', commit: '0'.repeat(40) };
const scalable = new Set(['Deployment', 'StatefulSet']);
const managers = ['kubectl-edit', 'rival', 'hpa', 'kubectl-patch'];

export interface Tally {
  edits: number;
  refused: number;
  verdicts: number;
  drifted: number;
  /** Verdicts that a dry run of the operator's own decided. */
  asked: number;
  readonly disagreements: string[];
}

export interface Subject {
  /** One random edit and, more often than not, a correction after it; everything that disagrees goes into the tally. */
  step(random: Random, tally: Tally): Promise<void>;
}

/** Applies the manifest and resolves with how to edit it. */
export async function subjectOf(request: Requester, namespace: string, stated: Json, plural: string): Promise<Subject> {
  const gvk = gvkOf(stated);
  const resource: Resource = { ...gvk, plural, namespaced: true, verbs: [] };
  const object = { ...stated, metadata: { ...stated.metadata, namespace } } as KubeObject;
  const id = { ...gvk, namespace, name: object.metadata.name };
  const manifest: Manifest = { id, resource, object, hash: hashManifest(object), place: { file: 'a.yaml', line: 1 } };
  const key = objectKey(id);
  const group = gvk.group === '' ? `/api/${gvk.version}` : `/apis/${gvk.group}/${gvk.version}`;
  const path = `${group}/namespaces/${namespace}/${plural}/${id.name}`;
  const assessor = createAssessor(isMetadataOnly, () => '2026-01-01T00:00:00Z');
  finish(assessor.state(mark.applySet, [manifest], false));
  const metadataOnly = isMetadataOnly(resource);

  const apply = (body: object, manager: string, query = '&force=true') =>
    request.raw('PATCH', `${path}?fieldManager=${manager}${query}`, { body, contentType: 'application/apply-patch+yaml' });
  const read = async (): Promise<KubeObject> => ({
    ...((await request.ok('GET', path)) as KubeObject),
    apiVersion: stated.apiVersion,
    kind: stated.kind,
  });
  const seen = (live: KubeObject): KubeObject =>
    metadataOnly ? { apiVersion: live.apiVersion, kind: live.kind, metadata: live.metadata } : live;

  async function correct(): Promise<void> {
    const { status, body } = await apply(desired(manifest, mark), 'plumbline');
    if (status >= 300) throw new Error(`${key}: the correction was refused: ${JSON.stringify(body)}`);
    assessor.wrote(key, body.metadata.resourceVersion, []);
  }

  async function edit(random: Random): Promise<number> {
    const live = await read();
    const manager = pick(managers, random);
    switch (pick(['put', 'put', 'put', 'merge', 'rival', 'rival', 'back', 'subresource'] as const, random)) {
      case 'put':
        return (await request.raw('PUT', `${path}?fieldManager=${manager}`, { body: mutated(live, random) })).status;
      case 'merge': {
        const { spec, data, metadata } = mutated(live, random);
        const body = { ...(spec !== undefined && { spec }), ...(data !== undefined && { data }), metadata: { labels: metadata.labels } };
        return (await request.raw('PATCH', `${path}?fieldManager=${manager}`, { body })).status;
      }
      case 'rival':
        return (await apply(partOf(random() < 0.5 ? (live as Json) : object, random), manager)).status;
      case 'back': {
        const { status } = await request.raw('PUT', `${path}?fieldManager=${manager}`, { body: mutated(live, random) });
        const { resourceVersion: _old, ...metadata } = live.metadata as Json;
        if (status < 300) await request.raw('PUT', `${path}?fieldManager=${manager}`, { body: { ...live, metadata } });
        return status;
      }
      case 'subresource':
        if (scalable.has(gvk.kind) && random() < 0.7) {
          const body = { spec: { replicas: Math.floor(random() * 3) } };
          return (await request.raw('PATCH', `${path}/scale?fieldManager=${manager}`, { body })).status;
        }
        return (await request.raw('PATCH', `${path}/status?fieldManager=controller`, { body: { status: { observedGeneration: 1 } } }))
          .status;
    }
  }

  async function judge(tally: Tally, how: () => string): Promise<void> {
    const live = await read();
    const sight = { key, resource, object: seen(live), metadataOnly };
    let drift = assessor.assess(sight);
    if (drift === undefined) throw new Error(`${key} has no verdict`);
    const answer = await apply(desired(manifest, mark), 'plumbline', '&force=true&dryRun=All');
    if (answer.status >= 300) return; // as it is now, the manifest is refused: nothing to hold a verdict against
    tally.verdicts += 1;
    const whole = { ...answer.body, apiVersion: stated.apiVersion, kind: stated.kind } as KubeObject;
    if (drift.undecided.length > 0) {
      tally.asked += 1;
      const paths = drift.undecided;
      const settled = metadataOnly
        ? settleByConflicts(
            paths,
            desired(manifest, mark),
            live,
            conflictsOf(await apply(desired(manifest, mark), 'plumbline', '&force=false&dryRun=All')),
          )
        : settle(paths, desired(manifest, mark), live, whole);
      drift =
        assessor.settle(key, {
          uid: live.metadata.uid ?? '',
          resourceVersion: live.metadata.resourceVersion ?? '',
          asked: paths,
          settled,
        }) ?? drift;
    }
    const truth = differences(live, whole);
    if (truth.length > 0) tally.drifted += 1;
    for (const text of disagreements(drift, truth))
      tally.disagreements.push(`${how()} ${key}: ${text}\n${JSON.stringify(live.metadata.managedFields)}\n${JSON.stringify(live)}`);
  }

  await correct();
  return {
    async step(random, tally) {
      const status = await edit(random);
      if (status >= 300) {
        tally.refused += 1;
        return;
      }
      tally.edits += 1;
      await judge(tally, () => `edit ${tally.edits}`);
      if (random() < 0.6) {
        const live = await read();
        const { status: refused } = await apply(desired(manifest, mark), 'plumbline', '&force=true&dryRun=All');
        if (refused >= 300 || live.metadata.deletionTimestamp !== undefined) return;
        await correct();
        await judge(tally, () => `correction after edit ${tally.edits}`);
      }
    },
  };
}

function conflictsOf({ status, body }: { readonly status: number; readonly body: Json }): ReadonlySet<string> {
  if (status !== 409) return new Set();
  return new Set((body.details?.causes ?? []).filter((one: Json) => one.reason === 'FieldManagerConflict').map((one: Json) => one.field));
}
