/** The last walk of a source: what it deployed is pruned or let go, then the finalizer goes (rule 23). */
import { accountOf, explainForbidden, requireAccount, userOf } from '../apply/account.ts';
import { patchSource, sourceResource } from '../apply/parent.ts';
import { letGoMembers, pruneMembers } from '../apply/prune.ts';
import { pruneStageOf, pruneStages } from '../apply/stages.ts';
import { noProgress } from '../apply/types.ts';
import type { ApplyContext, Progress } from '../apply/types.ts';
import { finalizer, group, kind as sourceKind, partOfLabel, plural, pruneAnnotation } from '../api/names.ts';
import type { GitOpsSource } from '../api/types.ts';
import { PlumblineError } from '../errors.ts';
import type { Fault, Reason } from '../errors.ts';
import { ownRequestError } from '../kube/faults.ts';
import { isKubeError } from '../kube/client.ts';
import { getMetadata } from '../kube/operations.ts';
import { groupKindText, objectText } from '../kube/types.ts';
import type { Resource } from '../kube/types.ts';
import type { Member } from '../live/types.ts';
import { applySetId, readParent } from '../plan/applyset.ts';
import { isIgnored, isProven } from '../plan/plan.ts';
import { memberKinds } from './look.ts';
import type { WalkEnv } from './types.ts';
import { statedByCrds } from './unserved.ts';

/** How a source ends. */
export type Ending =
  /** Its members are pruned. */
  | 'prune'
  /** They stay, without our label. */
  | 'letGo'
  /** They stay as they are: the GitOpsSource CRD itself is being deleted. */
  | 'leave';

/** What came of it. */
export interface Finalized {
  readonly ending: Ending;
  readonly progress: Progress;
  /** For an event. */
  readonly leftBehind: LeftBehind | undefined;
}

/** What of a source stays in the cluster that should have been pruned or let go. */
export interface LeftBehind {
  /** `ConfigMap shop/a` */
  readonly objects: readonly string[];
  /** Its namespace goes, and its account with it; or it was to be freed, and its account may not take our label off. */
  readonly why: 'NamespaceGoes' | 'Freed';
}

/** What keeps no source that is to let its objects go: the label of a source that is gone binds nobody (rule 14). */
const keepsNobody: ReadonlySet<Reason> = new Set<Reason>(['Forbidden', 'ServiceAccountNotFound', 'ObjectRefused', 'WebhookUnavailable']);

/** What cannot be had any more once the account went with its namespace, or goes without us; anything else is tried again. */
const wentWithAccount: ReadonlySet<Reason> = new Set<Reason>(['Forbidden', 'ServiceAccountNotFound', 'ObjectRefused', 'PruneWaiting']);

/** Pure: how the deletion of this source ends. */
export function endingOf(source: GitOpsSource, crdIsGoing: boolean): Ending {
  if (crdIsGoing) return 'leave';
  const { prune, suspend, deletionPolicy } = source.spec;
  return !prune || suspend || deletionPolicy === 'Orphan' ? 'letGo' : 'prune';
}

/** Whether the finalizer is ours to remove still. */
export function isOurs(source: GitOpsSource): boolean {
  return source.metadata.finalizers?.includes(finalizer) === true;
}

/**
 * Ends what a source that is being deleted has deployed; its finalizer is still to be removed.
 * Throws PlumblineError when members stay that should have gone; the source then stays as well, and it is tried again.
 */
export async function finalize(env: WalkEnv, key: string, source: GitOpsSource, signal: AbortSignal): Promise<Finalized> {
  const ending = endingOf(source, await isCrdGoing(env, signal));
  const progress = noProgress();
  const left = ending === 'leave' ? undefined : await endMembers(env, key, source, ending, progress, signal);
  return { ending, progress, leftBehind: left };
}

/** A write that comes between is one of our own, behind the walk: of what was told. */
const maxReleases = 5;

/** Removes the finalizer, the last thing of a source that has ended: with its answer the source is gone and its walk aborted. */
export async function releaseSource(env: Pick<WalkEnv, 'client'>, source: GitOpsSource, signal: AbortSignal): Promise<void> {
  let { metadata } = source;
  const id = { ...sourceResource, namespace: metadata.namespace, name: metadata.name };
  for (let tries = 1; ; tries += 1) {
    const { resourceVersion } = metadata;
    const finalizers = (metadata.finalizers ?? []).filter((name) => name !== finalizer);
    try {
      await patchSource(env.client, source, { metadata: { resourceVersion, finalizers } }, signal);
      return;
    } catch (error) {
      if (isKubeError(error, 404)) return;
      if (!isKubeError(error, 409) || tries === maxReleases) throw error;
    }
    const now = await getMetadata(env.client, sourceResource, id, { signal });
    if (now === undefined || now.metadata.uid !== source.metadata.uid) return;
    metadata = { ...source.metadata, ...now.metadata };
  }
}

async function endMembers(
  env: WalkEnv,
  key: string,
  source: GitOpsSource,
  ending: 'prune' | 'letGo',
  progress: Progress,
  signal: AbortSignal,
): Promise<LeftBehind | undefined> {
  const applySet = applySetId({ namespace: source.metadata.namespace, name: source.metadata.name });
  const account = accountOf(source, env.defaultServiceAccount);
  const commit = source.status?.revision?.applied?.commit ?? '';
  const context: ApplyContext = {
    client: env.client,
    discovery: env.discovery,
    inventory: env.inventory,
    source: key,
    as: account && userOf(account),
    applySet,
    commit,
    signal,
  };
  const kinds = await memberKinds({ env, source, signal });
  if (ending === 'prune') await requireAnswers(env, source, kinds, signal);
  await env.inventory.need(key, kinds, signal);
  const members = env.inventory.membersOf(applySet).filter((member) => !waitsForUs(env, source, member));
  const { prune, letGo } = split(members, ending);
  const { namespace } = source.metadata;
  if (await isNamespaceGoing(env, namespace, signal)) {
    try {
      return leftBehind(await endWhatCan(prune, letGo, namespace, context, progress), 'NamespaceGoes');
    } catch (error) {
      throw withWayOut(ownRequestError(error), source);
    }
  }
  try {
    if (account !== undefined && prune.length + letGo.length > 0) await requireOwnAccount(env, key, source, signal);
    await letGoMembers(letGo, context, progress);
    await pruneMembers(prune, context, progress);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    const explained = ownRequestError(await explainForbidden(error, account, [], prune, letGo, context));
    if (ending === 'prune' || !explained.faults.every((fault) => keepsNobody.has(fault.reason))) throw withWayOut(explained, source);
    const labelled = env.inventory.membersOf(applySet).filter(isProven);
    return leftBehind(
      labelled.map((member) => objectText(member.id)),
      'Freed',
    );
  }
}

/** What an API server that is down may hold would stay for ever once the source is gone. Throws ApiServerUnavailable. */
async function requireAnswers(env: WalkEnv, source: GitOpsSource, kinds: readonly Resource[], signal: AbortSignal): Promise<void> {
  const fail = (message: string): never => {
    throw withWayOut(new PlumblineError({ reason: 'ApiServerUnavailable', message }), source);
  };
  const { groupKinds } = readParent(source.metadata.annotations);
  const undecided = env.discovery.undecided(groupKinds);
  if (undecided.length > 0) {
    fail(`The API server behind ${undecided.join(', ')} does not answer, so members of these kinds cannot be pruned`);
  }
  const served = new Set(kinds.map(groupKindText));
  const unserved = groupKinds.filter((kind) => !served.has(kind));
  const stated = await statedByCrds(env.client, crdResource, unserved, signal);
  if (stated.length > 0) {
    env.discovery.invalidate();
    fail(`The API server does not serve ${stated.join(', ')}, though the CRD is there, so members of these kinds cannot be pruned`);
  }
}

/** How many sources may state each other in a row. */
const longestChain = 32;

/**
 * Whether the member is a source that is being deleted and has this one among its members, at whatever depth: it waits
 * until this one is gone, so this one cannot wait for it.
 */
function waitsForUs(env: Pick<WalkEnv, 'inventory' | 'sourceOf'>, source: GitOpsSource, member: Member): boolean {
  if (!member.deleting || member.id.group !== group || member.resource.plural !== plural) return false;
  const memberKey = `${member.id.namespace}/${member.id.name}`;
  let partOf = source.metadata.labels?.[partOfLabel] ?? '';
  for (let step = 0; step < longestChain; step += 1) {
    const owner = env.sourceOf(partOf);
    if (owner === undefined || owner === memberKey) return owner !== undefined;
    const [namespace = '', name = ''] = owner.split('/');
    partOf = env.inventory.find({ group, kind: sourceKind, namespace, name })?.partOf ?? '';
  }
  return false;
}

function leftBehind(objects: readonly string[], why: LeftBehind['why']): LeftBehind | undefined {
  return objects.length === 0 ? undefined : { objects: objects.toSorted(), why };
}

/**
 * In a namespace that is going away, where the account may be gone already: each stage is tried whatever became of the one
 * before. Returns what stays; what lies in that namespace goes with it. Throws PlumblineError with what another try may mend.
 */
async function endWhatCan(
  prune: readonly Member[],
  letGo: readonly Member[],
  namespace: string,
  context: ApplyContext,
  progress: Progress,
): Promise<readonly string[]> {
  const stays = new Set<string>();
  const again: Fault[] = [];
  const note = (error: unknown): void => {
    context.signal.throwIfAborted();
    for (const fault of ownRequestError(error).faults) {
      if (fault.object === undefined || !wentWithAccount.has(fault.reason)) again.push(fault);
      else stays.add(fault.object);
    }
  };
  const elsewhere = (members: readonly Member[]): Member[] => members.filter(({ id }) => id.namespace !== namespace);
  await letGoMembers(elsewhere(letGo), context, progress).catch(note);
  for (const stage of pruneStages) {
    const ofStage = elsewhere(prune).filter((member) => pruneStageOf(member.resource) === stage);
    await pruneMembers(ofStage, context, progress).catch(note);
  }
  if (again.length > 0) throw new PlumblineError(again);
  return [...stays];
}

async function requireOwnAccount(env: WalkEnv, key: string, source: GitOpsSource, signal: AbortSignal): Promise<void> {
  const account = accountOf(source, env.defaultServiceAccount);
  if (account === undefined) return;
  const lookUps = env.lookUps.begin(key);
  try {
    await requireAccount(account, lookUps, signal);
  } finally {
    lookUps.close();
  }
}

/** Pure: which members are deleted and which only lose our label. */
export function split(members: readonly Member[], ending: 'prune' | 'letGo'): { readonly prune: Member[]; readonly letGo: Member[] } {
  const prune: Member[] = [];
  const letGo: Member[] = [];
  for (const member of members) {
    if (!isProven(member)) continue;
    const stays = ending === 'letGo' || member.annotations[pruneAnnotation] === 'disabled' || isIgnored(undefined, member);
    (stays ? letGo : prune).push(member);
  }
  return { prune, letGo };
}

/** Every fault with what frees the source all the same. */
function withWayOut(error: PlumblineError, { metadata }: GitOpsSource): PlumblineError {
  const patch = `kubectl patch ${plural}.${group} ${metadata.name} -n ${metadata.namespace} --type=merge -p '{"spec":{"deletionPolicy":"Orphan"}}'`;
  const wayOut = `To delete the source and keep its objects: ${patch}.`;
  const faults = error.faults.map((fault) => ({ ...fault, remedy: [fault.remedy, wayOut].filter(Boolean).join(' ') }));
  return new PlumblineError(faults, { cause: error });
}

const crdResource: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
  verbs: [],
};

const namespaceResource: Resource = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false, verbs: [] };

/** Whether the CRD of GitOpsSource is being deleted; where it may not be read, discovery tells: such a kind takes no creates. */
async function isCrdGoing(env: WalkEnv, signal: AbortSignal): Promise<boolean> {
  const id = { ...crdResource, namespace: '', name: `${plural}.${group}` };
  try {
    const crd = await getMetadata(env.client, crdResource, id, { signal });
    return crd === undefined || crd.metadata.deletionTimestamp !== undefined;
  } catch (error) {
    if (!isKubeError(error, 403)) throw error;
  }
  env.discovery.invalidate();
  const resources = await env.discovery.allResources(signal);
  const served = resources.find((resource) => resource.group === group && resource.plural === plural);
  return served === undefined || !served.verbs.includes('create');
}

async function isNamespaceGoing(env: WalkEnv, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    const namespace = await getMetadata(env.client, namespaceResource, { ...namespaceResource, namespace: '', name }, { signal });
    return namespace === undefined || namespace.metadata.deletionTimestamp !== undefined;
  } catch (error) {
    if (!isKubeError(error, 403)) throw error;
    return false; // the Role went with the namespace that it was in; then the account decides
  }
}
