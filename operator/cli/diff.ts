/** `kubectl plumbline diff`: the walk as far as plan and dry run, as the source's account; nothing is written. */
import { apiVersion, kind } from '../api/names.ts';
import type { GitOpsSource } from '../api/types.ts';
import { accountOf, explainForbidden, userOf } from '../apply/account.ts';
import { deferred } from '../apply/apply.ts';
import { desiredOf } from '../apply/desired.ts';
import { sourceResource } from '../apply/parent.ts';
import { isSecret } from '../apply/stages.ts';
import { noProgress } from '../apply/types.ts';
import type { ApplyContext } from '../apply/types.ts';
import { dryRunPrune, tryWrite } from '../apply/write.ts';
import { PlumblineError, toPlumblineError } from '../errors.ts';
import type { Fault } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { Discovery } from '../kube/discovery.ts';
import { applyObject, getObject, listAll } from '../kube/operations.ts';
import { objectText } from '../kube/types.ts';
import type { KubeObject } from '../kube/types.ts';
import { createInventory } from '../live/inventory.ts';
import { createLookUps } from '../live/lookup.ts';
import { applySetId } from '../plan/applyset.ts';
import { Claims } from '../plan/claims.ts';
import type { Write } from '../plan/types.ts';
import { planRevision } from '../reconcile/plan-step.ts';
import { policyOf } from '../reconcile/fights.ts';
import { RemoteLink } from '../reconcile/remote-link.ts';
import { renderSnapshot } from '../reconcile/render-step.ts';
import { checkSpec } from '../reconcile/spec.ts';
import { createTurns } from '../reconcile/turn.ts';
import type { Walk } from '../reconcile/types.ts';
import { verifySource } from '../reconcile/verify-step.ts';
import { fileObjects } from '../render/index.ts';
import { revisionText } from '../report/message.ts';
import { realClock } from '../source/clock.ts';
import { createGitClient } from '../source/git-client.ts';
import { createHistories } from '../source/history/histories.ts';
import type { ProxySettings } from '../source/proxies.ts';
import { Remotes } from '../source/remotes.ts';
import { compareObjects } from './compare.ts';
import type { FieldChange } from './compare.ts';

export interface DiffInput {
  readonly client: KubeClient;
  /** A GitOpsSource from a file, or undefined: then `name` says which one in the cluster. */
  readonly file: KubeObject | undefined;
  readonly name: { readonly namespace: string; readonly name: string } | undefined;
  readonly defaultNamespace: string;
  readonly defaultServiceAccount: string;
  readonly proxies: ProxySettings;
  readonly signal: AbortSignal;
}

/** What the source would do now. */
export interface Diff {
  /** `main@4f2a9c1` */
  readonly revision: string;
  readonly created: readonly Told[];
  readonly changed: readonly (Told & { readonly change: Change })[];
  readonly adopted: readonly (Told & { readonly managers: readonly string[] })[];
  readonly pruned: readonly string[];
  /** Objects that lose the source's label and stay. */
  readonly letGo: readonly string[];
  /** Why the prune would be held. */
  readonly held: readonly string[];
  readonly refused: readonly Fault[];
  readonly differs: boolean;
}

/** By its fields; by being deleted and made anew (rule 10); or as is known once the CRD that changes along is in (rule 9). */
export type Change =
  | { readonly how: 'update'; readonly fields: readonly FieldChange[] }
  | { readonly how: 'recreate' }
  | { readonly how: 'later' };

/** An object, and where in the repository it is stated. */
export interface Told {
  readonly object: string;
  readonly origin: string;
}

/** Finds out. Throws PlumblineError or KubeError where it cannot. */
export async function diffSource(input: DiffInput): Promise<Diff> {
  const { walk, close } = await openWalk(input);
  try {
    return await diffWalk(walk);
  } finally {
    await close();
  }
}

/** A walk over the source as the operator would do one now, which the caller closes. Throws as `diffSource`. */
export async function openWalk(input: DiffInput): Promise<{ readonly walk: Walk; readonly close: () => Promise<void> }> {
  const source = input.file === undefined ? await readSource(input) : await dryRunSource(input, input.file);
  checkSpec(source);
  const lifetime = new AbortController();
  const remotes = new Remotes({ client: createGitClient({ proxies: input.proxies }) });
  const close = async (): Promise<void> => {
    lifetime.abort();
    await remotes.close();
  };
  try {
    return { walk: await beginWalk(input, source, remotes, lifetime.signal), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readSource({ client, name, signal }: DiffInput): Promise<GitOpsSource> {
  const found = name && (await getObject(client, sourceResource, name, { signal }));
  if (found === undefined)
    throw new PlumblineError({ reason: 'InvalidSpec', message: `there is no GitOpsSource ${name?.namespace}/${name?.name}` });
  return found as GitOpsSource;
}

/** Lets the API server check it and fill in the defaults, without keeping it. */
async function dryRunSource({ client, defaultNamespace, signal }: DiffInput, file: KubeObject): Promise<GitOpsSource> {
  const { name, namespace = defaultNamespace, annotations, labels } = file.metadata;
  const metadata = { name, namespace, ...(annotations && { annotations }), ...(labels && { labels }) };
  const object = { apiVersion, kind, metadata, spec: file['spec'] };
  const answer = await applyObject(client, sourceResource, object, { dryRun: true, full: true, fieldManager: 'kubectl', signal });
  return answer.object as GitOpsSource;
}

async function beginWalk(input: DiffInput, source: GitOpsSource, remotes: Remotes, signal: AbortSignal): Promise<Walk> {
  const { client, defaultServiceAccount } = input;
  const { namespace, name } = source.metadata;
  const sources = await listAll(client, sourceResource, { accept: 'application/json', signal });
  const byApplySet = new Map(
    sources.items.map(({ metadata }) => {
      const id = { namespace: metadata.namespace ?? '', name: metadata.name };
      return [applySetId(id), `${id.namespace}/${id.name}`];
    }),
  );
  const answered = Promise.withResolvers<void>();
  const link = new RemoteLink({ client, remotes, onObserved: () => answered.resolve() });
  await link.refresh(source, signal);
  await answered.promise;
  const { observation, credentials } = link;
  link.close();
  if (observation?.resolved === undefined) throw observation?.error ?? new Error('the remote did not answer');
  const random = Math.random;
  const lookUps = createLookUps(client, [], signal);
  const turns = createTurns();
  return {
    env: {
      client,
      discovery: new Discovery({ client, signal, monotonic: () => performance.now() }),
      inventory: createInventory({ client, namespaces: [], random, signal, metadataOnly: true }),
      lookUps,
      remotes,
      histories: createHistories({ readObjects: fileObjects, now: () => performance.now(), clock: realClock, onFault: () => {} }),
      claims: new Claims(),
      turns,
      namespaces: [],
      defaultServiceAccount,
      tooling: '',
      now: () => Date.now(),
      sourceOf: (applySet) => byApplySet.get(applySet),
      sources: () => sources.items as readonly GitOpsSource[],
      observePhase: () => {},
      onHistoryFault: () => {},
    },
    key: `${namespace}/${name}`,
    source,
    credentials,
    seen: { ref: observation.resolved, time: new Date(observation.at).toISOString(), commit: undefined },
    memory: undefined,
    lastApplied: undefined,
    running: undefined,
    isFailing: false,
    policy: policyOf(source),
    signal,
    applySet: applySetId({ namespace, name }),
    place: turns.place(),
    lookUps: lookUps.begin(`${namespace}/${name}`),
    claimed: [],
    progress: noProgress(),
    unsettled: false,
    phase: 'source',
    attempted: false,
    total: undefined,
    verified: [],
    notices: [],
    stated: undefined,
    isNewRevision: false,
    past: undefined,
    incoming: undefined,
    origins: undefined,
    noteAttempt: () => Promise.resolve(),
    noteSource: () => {},
    noteContested: () => {},
  };
}

async function diffWalk(self: Walk): Promise<Diff> {
  const { env, source, seen, signal } = self;
  const { spec } = source;
  const wanted = { path: spec.path ?? '', exclude: spec.exclude ?? [] };
  const checkout = await env.remotes.checkout(spec.url, self.credentials, seen.ref, signal, wanted);
  await verifySource(env, source, seen.ref, checkout, signal);
  const rendered = await renderSnapshot(self, await checkout.snapshot(wanted, signal));
  const commit = checkout.commit.sha;
  const { plan, account, held } = await planRevision(self, rendered.manifests, commit);
  const context: ApplyContext = {
    client: env.client,
    discovery: env.discovery,
    inventory: env.inventory,
    source: self.key,
    as: account && userOf(account),
    applySet: self.applySet,
    commit,
    signal,
  };
  const writes = [...plan.creates, ...plan.changes];
  const prune = held === undefined ? plan.prune : [];
  const { now, later } = deferred(writes);
  const [tried, prunable] = await Promise.all([
    Promise.all(now.map(async (write) => ({ write, ...(await tryWrite(write, context)) }))),
    Promise.all(prune.map((member) => dryRunPrune(member, context))),
  ]);
  const refused = await explained([...tried.flatMap(({ faults }) => faults), ...prunable.flat()], self, writes, prune, context);
  const waiting = new Set(later);
  const recreated = new Set(tried.filter(({ recreates }) => recreates).map(({ write }) => write));
  const changeOf = async (write: Write): Promise<Change> => {
    if (waiting.has(write)) return { how: 'later' };
    return recreated.has(write) ? { how: 'recreate' } : { how: 'update', fields: await fieldsOf(write, context) };
  };
  const changed =
    refused.length > 0 ? [] : await Promise.all(plan.changes.map(async (write) => ({ ...told(write), change: await changeOf(write) })));
  const letGo = held === undefined ? plan.letGo : [];
  return {
    revision: revisionText(seen.ref.shortRef, commit),
    created: plan.creates.map(told),
    changed,
    adopted: plan.changes.flatMap((write) => (write.adopts === undefined ? [] : [{ ...told(write), managers: write.adopts }])),
    pruned: prune.map((member) => objectText(member.id)),
    letGo: letGo.map((member) => objectText(member.id)),
    held: held === undefined ? [] : held.why,
    refused: [...refused, ...plan.terminating],
    differs: writes.length + prune.length + letGo.length > 0 || held !== undefined,
  };
}

async function explained(
  faults: readonly Fault[],
  self: Walk,
  writes: readonly Write[],
  prune: Parameters<typeof explainForbidden>[3],
  context: ApplyContext,
): Promise<readonly Fault[]> {
  if (faults.length === 0) return [];
  const account = accountOf(self.source, self.env.defaultServiceAccount);
  return toPlumblineError(await explainForbidden(new PlumblineError(faults), account, writes, prune, [], context)).faults;
}

/** The live object against what the API server would make of it. */
async function fieldsOf(write: Write, context: ApplyContext): Promise<readonly FieldChange[]> {
  const { manifest } = write;
  const { client, as, source: flow, signal } = context;
  const [live, after] = await Promise.all([
    getObject(client, manifest.resource, manifest.id, { flow, signal }),
    applyObject(client, manifest.resource, desiredOf(write, context), { dryRun: true, full: true, as, flow, signal }),
  ]);
  return compareObjects(live, after.object, isSecret(manifest.id));
}

function told({ manifest }: Write): Told {
  return { object: objectText(manifest.id), origin: `${manifest.place.file}:${manifest.place.line}` };
}
