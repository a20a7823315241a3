/** `kubectl plumbline verify`: what is said of each object's drift, against what a server-side dry run would change. Writes nothing. */
import { accountOf, userOf } from '../apply/account.ts';
import { desired } from '../apply/desired.ts';
import { commitAnnotation } from '../api/names.ts';
import { PlumblineError, toPlumblineError } from '../errors.ts';
import { KubeError } from '../kube/client.ts';
import { describeApiError } from '../kube/faults.ts';
import { applyObject, getObject } from '../kube/operations.ts';
import { objectKey, objectText } from '../kube/types.ts';
import type { KubeObject } from '../kube/types.ts';
import { createAssessor } from '../live/assessor.ts';
import { differences, disagreements } from '../live/drift/oracle.ts';
import type { Drift } from '../live/drift/types.ts';
import { isMetadataOnly } from '../live/inventory.ts';
import { readLiveObject } from '../live/read.ts';
import { judgedDrift } from '../plan/correction.ts';
import { isIgnored } from '../plan/plan.ts';
import { renderSnapshot } from '../reconcile/render-step.ts';
import { settleOne } from '../reconcile/settle-step.ts';
import type { Walk } from '../reconcile/types.ts';
import { verifySource as verifySignatures } from '../reconcile/verify-step.ts';
import { itemText, itemsOf } from '../report/drift.ts';
import { revisionText } from '../report/message.ts';
import { finish } from '../render/steps.ts';
import type { Manifest } from '../render/types.ts';
import { openWalk } from './diff.ts';
import type { DiffInput } from './diff.ts';

/** What was found. */
export interface Verification {
  /** `main@4f2a9c1`: what is applied. */
  readonly revision: string;
  readonly objects: number;
  /** What is not as git states it, a sentence each. */
  readonly drift: readonly string[];
  /** Where verdict and dry run are of two minds, a sentence each. */
  readonly disagreements: readonly string[];
  /** Objects that could not be dry-run, and why. */
  readonly unknown: readonly string[];
  /** Verdicts that the records of the fields alone did not give. */
  readonly asked: number;
}

/** Verifies every object of the applied revision. Throws PlumblineError or KubeError where it cannot. */
export async function verifySource(input: DiffInput): Promise<Verification> {
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
    drift: found.flatMap(({ drift }) => drift),
    disagreements: found.flatMap((one) => one.disagreements),
    unknown: found.flatMap(({ unknown }) => unknown),
    asked: found.filter(({ asked }) => asked).length,
  };
}

interface ObjectVerification {
  readonly drift: readonly string[];
  readonly disagreements: readonly string[];
  readonly unknown: readonly string[];
  readonly asked: boolean;
}

const agreed: ObjectVerification = { drift: [], disagreements: [], unknown: [], asked: false };

async function verifyObject(self: Walk, manifest: Manifest): Promise<ObjectVerification> {
  const { env, applySet, key: flow, signal } = self;
  const { id, resource } = manifest;
  const text = objectText(id);
  const live = await getObject(env.client, resource, id, { flow, signal });
  if (live === undefined) return { ...agreed, drift: [`${text} is gone`] };
  const member = { ...readLiveObject(resource, live), drift: undefined };
  if (isIgnored(manifest, member)) return agreed;
  if (member.partOf !== applySet) return { ...agreed, drift: [`${text} is no member of this source`] };
  const account = accountOf(self.source, env.defaultServiceAccount);
  const as = account && userOf(account);
  const object = desired(manifest, { applySet, commit: member.annotations[commitAnnotation] ?? '' }, member.uid);
  let answer: KubeObject;
  let verdict: Awaited<ReturnType<typeof verdictOf>>;
  try {
    answer = (await applyObject(env.client, resource, object, { dryRun: true, full: true, as, flow, signal })).object;
    verdict = await verdictOf(self, manifest, live, as);
  } catch (error) {
    const about = { object: text, isSecret: isMetadataOnly(id), verb: 'apply', as };
    return { ...agreed, unknown: [toPlumblineError(new PlumblineError(describeApiError(error, about))).message] };
  }
  const told = judgedDrift({ id, drift: verdict.drift }, self.policy);
  return {
    drift: itemsOf(id, member.uid, [...told.fields, ...told.extra]).map(itemText),
    disagreements: disagreements(verdict.drift, differences(live, answer)).map((what) => `${text}: ${what}`),
    unknown: [],
    asked: verdict.asked,
  };
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
