/**
 * `kubectl plumbline verify`: what is said of each object's drift, against what a server-side dry run would change, and against
 * what the operator tells in the status. Writes nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { accountOf, userOf } from '../apply/account.ts';
import { desired } from '../apply/desired.ts';
import { applyAnnotation, commitAnnotation, hashAnnotation, partOfLabel } from '../api/names.ts';
import { PlumblineError, toPlumblineError } from '../errors.ts';
import { KubeError } from '../kube/client.ts';
import { describeApiError } from '../kube/faults.ts';
import { applyObject, getObject } from '../kube/operations.ts';
import { objectKey, objectText } from '../kube/types.ts';
import type { KubeObject, ObjectId } from '../kube/types.ts';
import { createAssessor } from '../live/assessor.ts';
import { differences, disagreements } from '../live/drift/oracle.ts';
import { pathText } from '../live/drift/path.ts';
import type { Drift } from '../live/drift/types.ts';
import { isMetadataOnly } from '../live/inventory.ts';
import { readLiveObject } from '../live/read.ts';
import type { LiveObject } from '../live/types.ts';
import { judgedDrift } from '../plan/correction.ts';
import { hasTimeToLive, isIgnored } from '../plan/plan.ts';
import { renderSnapshot } from '../reconcile/render-step.ts';
import { settleOne } from '../reconcile/settle-step.ts';
import type { Walk } from '../reconcile/types.ts';
import { verifySource as verifySignatures } from '../reconcile/verify-step.ts';
import { itemText, itemsOf } from '../report/drift.ts';
import type { DriftItem } from '../report/drift.ts';
import { revisionText } from '../report/message.ts';
import { finish } from '../render/steps.ts';
import type { Manifest } from '../render/types.ts';
import { openWalk } from './diff.ts';
import type { DiffInput } from './diff.ts';
import { statusDisagreements } from './verify-status.ts';
import type { Found } from './verify-status.ts';

/** What was found. */
export interface Verification {
  /** `main@4f2a9c1`: what is applied. */
  readonly revision: string;
  readonly objects: number;
  /** What is not as git states it, a sentence each. */
  readonly drift: readonly string[];
  /** Where verdict and dry run are of two minds, a sentence each. */
  readonly disagreements: readonly string[];
  /** Where what was found and what the operator tells in the status are of two minds, a sentence each. */
  readonly untrue: readonly string[];
  /** Objects that could not be dry-run, and why. */
  readonly unknown: readonly string[];
  /** Verdicts that the records of the fields alone did not give. */
  readonly asked: number;
}

/** What changes at the moment is told by then, milliseconds. */
const settleMs = 3_000;

/**
 * Verifies every object of the applied revision; where the status tells something else, once more a moment later, for it may
 * be about to be told. Throws PlumblineError or KubeError where it cannot.
 */
export async function verifySource(input: DiffInput): Promise<Verification> {
  const first = await verifyOnce(input);
  if (first.untrue.length === 0) return first;
  await sleep(settleMs, undefined, { signal: input.signal });
  return await verifyOnce(input);
}

async function verifyOnce(input: DiffInput): Promise<Verification> {
  const { walk, close } = await openWalk(input);
  try {
    return await verifyWalk(walk);
  } finally {
    await close();
  }
}

async function verifyWalk(self: Walk): Promise<Verification> {
  const { env, source, signal } = self;
  const { spec, status } = source;
  const applied = status?.revision?.applied?.commit;
  if (applied === undefined) {
    throw new PlumblineError({
      reason: 'InvalidSpec',
      message: `nothing of GitOpsSource ${self.key} is applied yet: there is nothing to verify`,
    });
  }
  // By its tag where that still leads there: spec.verify may ask for the tag.
  const ref = self.seen.ref.commit === applied ? self.seen.ref : { commit: applied, fullRef: undefined, shortRef: undefined };
  const wanted = { path: spec.path ?? '', exclude: spec.exclude ?? [] };
  const checkout = await env.remotes.checkout(spec.url, self.credentials, ref, signal, wanted);
  await verifySignatures(env, source, ref, checkout, signal);
  const { manifests } = await renderSnapshot(self, await checkout.snapshot(wanted, signal));
  const found = await Promise.all(manifests.map((manifest) => verifyObject(self, manifest)));
  return {
    revision: status?.display?.revision ?? revisionText(undefined, applied),
    objects: manifests.length,
    drift: found.flatMap(({ drift }) => drift.map(itemText)),
    disagreements: found.flatMap((one) => one.disagreements),
    untrue: spec.drift.mode === 'Ignore' || status === undefined ? [] : statusDisagreements(lookedAt(found), status),
    unknown: found.flatMap(({ unknown }) => unknown),
    asked: found.filter(({ asked }) => asked).length,
  };
}

interface ObjectVerification {
  readonly id: ObjectId;
  readonly drift: readonly DriftItem[];
  readonly disagreements: readonly string[];
  readonly unknown: readonly string[];
  readonly asked: boolean;
  /** The operator measures it by a revision that is half in, or is about to put it back: its status tells something else. */
  readonly isOther: boolean;
}

function lookedAt(found: readonly ObjectVerification[]): Found {
  const certain = found.filter(({ isOther, unknown }) => !isOther && unknown.length === 0);
  return {
    objects: certain.map(({ id }) => id),
    items: certain.flatMap(({ drift }) => drift),
    isPartial: certain.length < found.length,
  };
}

async function verifyObject(self: Walk, manifest: Manifest): Promise<ObjectVerification> {
  const { env, applySet, key: flow, signal } = self;
  const { id, resource } = manifest;
  const agreed: ObjectVerification = { id, drift: [], disagreements: [], unknown: [], asked: false, isOther: false };
  const live = await getObject(env.client, resource, id, { flow, signal });
  const member = live && { ...readLiveObject(resource, live), drift: undefined };
  const presence = verifyPresence(manifest, member, applySet);
  // Where it is to be put back, what keeps it away is told instead.
  const isOther = (presence ?? []).length > 0 && self.policy.mode === 'Correct' && !self.source.spec.suspend;
  if (live === undefined || member === undefined || presence !== undefined) return { ...agreed, drift: presence ?? [], isOther };
  const account = accountOf(self.source, env.defaultServiceAccount);
  const as = account && userOf(account);
  const object = desired(manifest, { applySet, commit: member.annotations[commitAnnotation] ?? '' }, member.uid);
  let answer: KubeObject;
  let verdict: Awaited<ReturnType<typeof verdictOf>>;
  try {
    answer = (await applyObject(env.client, resource, object, { dryRun: true, full: true, as, flow, signal })).object;
    verdict = await verdictOf(self, manifest, live, as);
  } catch (error) {
    const about = { object: objectText(id), isSecret: isMetadataOnly(id), verb: 'apply', as };
    return { ...agreed, unknown: [toPlumblineError(new PlumblineError(describeApiError(error, about))).message] };
  }
  const told = judgedDrift({ id, drift: verdict.drift }, self.policy);
  return {
    ...agreed,
    drift: itemsOf(id, member.uid, [...told.fields, ...told.extra]),
    disagreements: disagreements(verdict.drift, differences(live, answer)).map((what) => `${objectText(id)}: ${what}`),
    asked: verdict.asked,
    isOther: member.ownsHashAndLabel && member.annotations[hashAnnotation] !== manifest.hash,
  };
}

/**
 * What is to be told of an object that is not there, or that only its presence counts of (rules 22 and 26); undefined where
 * its fields count.
 */
export function verifyPresence(
  manifest: Manifest,
  live: Pick<LiveObject, 'annotations' | 'partOf' | 'uid'> | undefined,
  applySet: string,
): readonly DriftItem[] | undefined {
  const { id } = manifest;
  const item = { id, uid: live?.uid ?? '', manager: undefined, since: undefined };
  if (isIgnored(manifest, live)) return [];
  if (live === undefined) return hasTimeToLive(manifest) ? [] : [{ ...item, class: 'missing', field: undefined }];
  if (manifest.object.metadata.annotations?.[applyAnnotation] === 'IfNotPresent') return [];
  const field = pathText([{ field: 'metadata' }, { field: 'labels' }, { field: partOfLabel }]);
  return live.partOf === applySet ? undefined : [{ ...item, class: live.partOf === '' ? 'removed' : 'modified', field }];
}

/** The verdict as the operator reaches it after a restart. */
async function verdictOf(
  self: Walk,
  manifest: Manifest,
  live: KubeObject,
  as: string | undefined,
): Promise<{ readonly drift: Drift; readonly asked: boolean }> {
  const { id, resource } = manifest;
  const key = objectKey(id);
  const metadataOnly = isMetadataOnly(id);
  const assessor = createAssessor(isMetadataOnly, () => new Date().toISOString());
  finish(assessor.state(self.applySet, [manifest], true));
  const object = metadataOnly ? { apiVersion: live.apiVersion, kind: live.kind, metadata: live.metadata } : live;
  const drift = assessor.assess({ key, resource, object, metadataOnly });
  if (drift === undefined) throw new Error(`${objectText(id)} has no verdict`);
  if (drift.undecided.length === 0) return { drift, asked: false };
  const member = { ...readLiveObject(resource, live), drift };
  const answer = await settleOne(self, manifest, member, drift.undecided, as);
  if (answer instanceof KubeError) throw answer;
  return { drift: (answer && assessor.settle(key, answer)) ?? drift, asked: true };
}
