/** The operator as one process: what is connected to what, who leads, and how it ends. */
import type { PlumblineError, Reason } from '../errors.ts';
import { sourceResource } from '../apply/parent.ts';
import { isKubeError } from '../kube/client.ts';
import { connectKube } from '../kube/connect.ts';
import type { ConnectedClient } from '../kube/connect.ts';
import { findCredentials } from '../kube/credentials.ts';
import type { CredentialPlaces } from '../kube/credentials-types.ts';
import { Discovery } from '../kube/discovery.ts';
import type { GroupVersionKind } from '../kube/types.ts';
import { createInventory } from '../live/inventory.ts';
import { createLookUps } from '../live/lookup.ts';
import { podResource } from '../live/pods.ts';
import type { Inventory } from '../live/types.ts';
import type { Logger } from '../log.ts';
import { Claims } from '../plan/claims.ts';
import { fileObjects } from '../render/index.ts';
import { createMetrics } from '../report/metrics.ts';
import type { Metrics } from '../report/metrics.ts';
import { EventRecorder } from '../report/recorder.ts';
import type { Phase } from '../report/types.ts';
import { createGitClient } from '../source/git-client.ts';
import type { ProxySettings } from '../source/proxies.ts';
import { createHistories } from '../source/history/histories.ts';
import { Remotes } from '../source/remotes.ts';
import { realClock } from '../source/clock.ts';
import type { GitSettings } from '../source/settings.ts';
import { version } from '../version.ts';
import { Controller } from './controller.ts';
import { collector, createGarbageCollection } from './garbage.ts';
import { createHints, isPassedOn } from './hints.ts';
import type { Hints } from './hints.ts';
import { Leadership, runLeaderElection } from './leader.ts';
import { createNotifier } from './notifier.ts';
import { readiness } from './readiness.ts';
import { createTokenReader } from './secret-token.ts';
import { SourceLog } from './source-log.ts';
import { SourceStore } from './source-store.ts';
import { Teller } from './teller.ts';
import { Trail } from './trail.ts';
import { createWatchStates } from './watch-states.ts';
import type { WatchStates } from './watch-states.ts';
import { createTurns } from './turn.ts';

/** Walks may finish this long after SIGTERM, then they are abandoned; the whole must end within 10 s. */
const graceMs = 5_000;
/** Records of the audit trail that are not written by then stand in the status; what they count of corrections does not. */
const trailGraceMs = 2_000;
/** Requests to endpoints of spec.notify that are not answered by then are made again by whoever leads next. */
const notifyGraceMs = 1_000;
const leaseName = 'plumbline';

/** A running operator, as the probes and the metrics page see it. */
export interface Running {
  readonly metrics: Metrics;
  /** For the receivers of webhooks. */
  readonly hints: Hints;
  /** Rule 36: a standby is ready once its GitOpsSource watch is in, the leader once each member watch was tried. */
  readonly ready: () => { readonly ok: boolean; readonly text: string };
  /** `stopped` after the signal, `lost` when the lease was lost; rejects when it cannot go on. */
  readonly ended: Promise<'stopped' | 'lost'>;
}

/** What of the configuration matters here; see config.ts. */
export interface Settings {
  /** API requests in flight. */
  readonly concurrency: number;
  readonly leaderElect: boolean;
  readonly leaderElectionNamespace: string | undefined;
  /** Empty serves the whole cluster. */
  readonly namespaces: readonly string[];
  readonly defaultServiceAccount: string | undefined;
  /** How long records of sources that are gone are kept. */
  readonly historyRetentionMs: number;
  readonly kube: Omit<CredentialPlaces, 'monotonic'>;
  readonly proxies: ProxySettings;
  readonly git: GitSettings;
}

/** What the process hands in: clocks, chance, a name for itself. */
export interface RunOptions {
  readonly config: Settings;
  readonly log: Logger;
  /** The pod's name or the host's: who reports events, who holds the lease. */
  readonly instance: string;
  readonly signal: AbortSignal;
}

/** Connects and starts. Throws PlumblineError when there are no credentials for an API server. */
export async function runOperator({ config, log, instance, signal }: RunOptions): Promise<Running> {
  const monotonic = (): number => performance.now();
  const random = Math.random;
  const metrics = createMetrics({ version });
  const leadership = new Leadership(monotonic);
  const client = connectKube({
    credentials: await findCredentials({ ...config.kube, monotonic }),
    concurrency: config.concurrency,
    userAgent: `plumbline/${version}`,
    random,
    monotonic,
    beforeWrite: (request) => {
      if (leadership.hasLed || !isPassedOn(request)) leadership.check();
    },
    onRequest: (verb, code) => metrics.apiRequest(verb, code),
  });
  // Watches and polls outlive the walks that are allowed to finish after the signal.
  const lifetime = new AbortController();
  const watches = createWatchStates((gvk, up) => metrics.watchUp(gvk, up));
  const store = new SourceStore({
    client,
    namespaces: config.namespaces,
    random,
    signal: lifetime.signal,
    onState: (up, error, namespace) => {
      watches.note(sourceResource, { of: 'sources', namespace }, up, error);
      tellWatch(log, sourceResource, up, error);
    },
  });
  const discovery = new Discovery({ client, signal: lifetime.signal, monotonic });
  const inventory = createInventory({
    client,
    namespaces: config.namespaces,
    random,
    signal: lifetime.signal,
    hasSource: (applySet) => store.sourceOf(applySet) !== undefined,
    onWatchState: (gvk, up, error) => {
      watches.note(gvk, { of: 'members' }, up);
      if (isKubeError(error, 404)) discovery.invalidate(); // the kind is served no more
      tellWatch(log, gvk, up, error);
    },
  });
  let synced = false;
  store.synced.then(
    () => (synced = true),
    () => {}, // the process ends before the first list
  );
  const readToken = createTokenReader({
    client,
    monotonic,
    signal: lifetime.signal,
    onError: (secret, error) => log.warn('a token cannot be read', { secret, error }),
  });
  const hints = createHints({ client, store, leadership, readToken, now: () => Date.now(), signal: lifetime.signal });
  const lead = (leading: AbortSignal): Promise<void> =>
    work({ config, log, instance, client, store, discovery, inventory, watches, metrics, random, hints, leadership, leading, lifetime });
  const ended = elect(config, client, leadership, instance, log, signal, lead).finally(async () => {
    lifetime.abort();
    await client.close();
  });
  const ready = () => {
    const { tried, broken } = inventory.state();
    return readiness({ synced, leads: leadership.stillLeader(), tried, broken: [...watches.broken(), ...broken] });
  };
  return { metrics, hints, ready, ended };
}

interface Work {
  readonly config: Settings;
  readonly log: Logger;
  readonly instance: string;
  readonly client: ConnectedClient;
  readonly store: SourceStore;
  readonly discovery: Discovery;
  readonly inventory: Inventory;
  readonly watches: WatchStates;
  readonly metrics: Metrics;
  readonly random: () => number;
  readonly hints: Hints;
  readonly leadership: Leadership;
  readonly leading: AbortSignal;
  readonly lifetime: AbortController;
}

/** What the leader does until it stops or loses its lease. */
async function work({
  config,
  log,
  instance,
  client,
  store,
  discovery,
  inventory,
  watches,
  metrics,
  random,
  hints,
  leadership,
  leading,
  lifetime,
}: Work): Promise<void> {
  const { signal } = lifetime;
  await Promise.race([store.synced, aborted(leading)]);
  if (leading.aborted) return;
  log.info('leading', { sources: store.keys().length });
  metrics.leading(true);
  discovery.allResources(leading).catch(() => {}); // while git is asked; who needs it asks again, and hears what is wrong
  const recorder = new EventRecorder({
    client,
    instance,
    now: () => Date.now(),
    random,
    onError: (error) => log.warn('events cannot be written', { error }),
  });
  const remotes = new Remotes({
    client: createGitClient({ proxies: config.proxies, settings: config.git }),
    random,
    onRequest: (result) => metrics.gitRequest(result === 'ok' ? 'success' : (result as Reason)),
    onCommitRead: (url, commit, seconds) => log.debug('commit read', { url, commit, seconds }),
  });
  const histories = createHistories({
    readObjects: fileObjects,
    now: () => performance.now(),
    onFault: (error) => log.debug('history cannot be fetched', { reason: error.reason, error: error.message }),
    clock: realClock,
  });
  const prefix = random().toString(36).slice(2, 8);
  const sources = new SourceLog({ log, source: (key) => store.get(key), prefix });
  const env = {
    client,
    discovery,
    inventory,
    lookUps: createLookUps(client, config.namespaces, signal),
    remotes,
    claims: new Claims(),
    histories,
    turns: createTurns(),
    namespaces: config.namespaces,
    defaultServiceAccount: config.defaultServiceAccount ?? '',
    tooling: `plumbline/v${version}`,
    now: () => Date.now(),
    sourceOf: (applySet: string) => store.sourceOf(applySet),
    sources: () => store.all(),
    observePhase: (key: string, phase: Phase, seconds: number) => metrics.observePhase(key, phase, seconds),
    onHistoryFault: (key: string, error: PlumblineError) => sources.of(key).warn('history cannot be read', { error }),
  };
  const { namespaces, historyRetentionMs: retentionMs } = config;
  const trail = new Trail({
    client,
    store,
    namespaces,
    retentionMs,
    now: () => Date.now(),
    log,
    sources,
    onLost: (source, attempts, error) => teller.unrecorded(source, attempts, error),
  });
  const notifier = createNotifier({
    client,
    proxies: config.proxies,
    metrics,
    log,
    walkOf: sources.walk,
    leads: () => leadership.stillLeader(),
    now: () => Date.now(),
    random,
    event: (source, draft) => teller.event(source, draft),
    note: (key, settled, stopped) => teller.notified(key, settled, stopped),
  });
  const teller: Teller = new Teller({
    client,
    store,
    recorder,
    trail,
    notifier,
    metrics,
    log: sources,
    now: () => new Date().toISOString(),
  });
  const onPodWatch = (namespace: string, up: boolean | undefined, error?: unknown): void => {
    watches.note(podResource, { of: 'pods', namespace }, up, error);
    tellWatch(log, podResource, up, error);
  };
  const controller = new Controller({ env, store, teller, metrics, log: sources, random, isStorm: () => client.isStorm(), onPodWatch });
  inventory.onChange(createGarbageCollection({ collect: collector(), signal: leading }));
  trail.start();
  controller.start();
  for (const source of store.all()) notifier.offer(source); // what the leader before this one had not told yet
  hints.lead(controller);
  await aborted(leading);
  await controller.stop(graceMs);
  histories.close();
  await notifier.close(notifyGraceMs);
  await Promise.all([recorder.close(), trail.close(trailGraceMs)]);
  await remotes.close();
  metrics.clearSources();
  metrics.leading(false);
}

function elect(
  config: Settings,
  client: ConnectedClient,
  leadership: Leadership,
  instance: string,
  log: Logger,
  signal: AbortSignal,
  onStarted: (leading: AbortSignal) => Promise<void>,
): Promise<'stopped' | 'lost'> {
  if (!config.leaderElect) {
    leadership.assume();
    return onStarted(signal).then(() => 'stopped');
  }
  return runLeaderElection({
    client,
    leadership,
    namespace: config.leaderElectionNamespace ?? client.namespace ?? 'default',
    name: leaseName,
    identity: `${instance}_${crypto.randomUUID()}`,
    monotonic: () => performance.now(),
    now: () => Date.now(),
    random: Math.random,
    signal,
    onStarted,
    onLost: () => log.error('the lease is lost; nothing more is written'),
    onError: (error) => log.warn('the lease cannot be read or renewed', { error }),
  });
}

function tellWatch(log: Logger, { group, version: served, kind }: GroupVersionKind, up: boolean | undefined, error: unknown): void {
  const watch = `${kind} ${group}/${served}`;
  if (up === undefined) return;
  if (up) log.debug('watch stands', { watch });
  else log.warn('watch is broken', { watch, error });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
