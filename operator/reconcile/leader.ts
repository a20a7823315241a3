/** Leader election by a Lease: one process writes, and one that is not sure that it is the one writes nothing (rule 16). */
import { isKubeError } from '../kube/client.ts';
import { microTime } from '../report/text.ts';
import { leaseSpec, nextStep, observe, releasedSpec } from './lease.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Lease, LeaseSpec, LeaseStep, Observed } from './lease.ts';

/** The pace of an election; milliseconds. */
export interface LeaseTiming {
  /** Others may take over this long after the last renewal that they saw. */
  readonly leaseMs: number;
  /** The leader holds itself for one this long after it sent its last renewal: less, for writes that are on their way. */
  readonly heldMs: number;
  readonly renewEveryMs: number;
  /** A renewal that failed is tried again this soon: it has until heldMs. */
  readonly renewAgainMs: number;
  /** How often a standby looks. */
  readonly lookEveryMs: number;
  /** How long one request about the lease may take. */
  readonly requestMs: number;
}

export const leaseTiming: LeaseTiming = {
  leaseMs: 15_000,
  heldMs: 10_000,
  renewEveryMs: 5_000,
  renewAgainMs: 1_000,
  lookEveryMs: 2_000,
  requestMs: 4_000,
};

/** Thrown by check() when the lease may be another's: the write does not happen, and the process ends. */
export class LeadershipLostError extends Error {
  constructor() {
    super('the lease is no longer surely our own; nothing more is written');
    this.name = 'LeadershipLostError';
  }
}

/** Whether this process leads, by the monotonic clock. Made before the client, which asks it before each write. */
export class Leadership {
  readonly #monotonic: () => number;
  readonly #heldMs: number;
  #until = Number.NEGATIVE_INFINITY;
  #led = false;

  /** `monotonic`: milliseconds of a clock that never jumps, performance.now. */
  constructor(monotonic: () => number, timing: LeaseTiming = leaseTiming) {
    this.#monotonic = monotonic;
    this.#heldMs = timing.heldMs;
  }

  /** Whether the lease is surely our own: also false in a process that was paused for longer than it. */
  stillLeader(): boolean {
    return this.#monotonic() < this.#until;
  }

  /** Whether this process leads or ever did: what led once writes nothing but as the leader. */
  get hasLed(): boolean {
    return this.#led;
  }

  /** For the client, synchronously before each write but those of the lease itself. Throws LeadershipLostError. */
  check(): void {
    if (!this.stillLeader()) throw new LeadershipLostError();
  }

  /** A renewal that was sent at `sentAt` (monotonic) succeeded. */
  renewed(sentAt: number): void {
    this.#until = sentAt + this.#heldMs;
    this.#led = true;
  }

  /** Without election (--leader-elect=false): leads for ever. */
  assume(): void {
    this.#until = Number.POSITIVE_INFINITY;
    this.#led = true;
  }

  /** Leads no more. */
  resign(): void {
    this.#until = Number.NEGATIVE_INFINITY;
  }
}

export interface LeaderElectionOptions {
  readonly client: Pick<KubeClient, 'request'>;
  readonly leadership: Leadership;
  readonly namespace: string;
  /** The name of the Lease, `plumbline`. */
  readonly name: string;
  /** Who we are: never the same for two processes, not even for one that is started again. */
  readonly identity: string;
  /** The same clock as the leadership's. */
  readonly monotonic: () => number;
  /** Milliseconds since the epoch, for the times that people read in the Lease. */
  readonly now: () => number;
  /** From 0 to 1, so that standbys do not ask at the same moment. */
  readonly random: () => number;
  /** Stops: the work's signal is aborted, the work is waited for, the lease is given away. */
  readonly signal: AbortSignal;
  /** The work of a leader; `signal` is aborted when the lease is lost or the process stops. */
  readonly onStarted: (signal: AbortSignal) => Promise<void>;
  /** Called at once when the lease is lost; the process should end, since what is on its way cannot be called back. */
  readonly onLost?: () => void;
  /** A request about the lease failed; it is tried again. */
  readonly onError?: (error: unknown) => void;
  /** The same as the leadership's. */
  readonly timing?: LeaseTiming;
}

interface Elector extends LeaderElectionOptions {
  readonly timing: LeaseTiming;
  observed: Observed | undefined;
}

/**
 * Waits for the lease, works as leader, and gives the lease away when the work is done. Resolves with `stopped` after the
 * signal or the end of the work, `lost` as soon as the lease is lost; rejects when the work does.
 */
export async function runLeaderElection(options: LeaderElectionOptions): Promise<'stopped' | 'lost'> {
  const elector: Elector = { timing: leaseTiming, ...options, observed: undefined };
  if (!(await acquire(elector))) return 'stopped';
  const leading = new AbortController();
  const stop = () => leading.abort(options.signal.reason);
  options.signal.addEventListener('abort', stop, { once: true });
  if (options.signal.aborted) stop();
  const ended = new AbortController();
  const work = options.onStarted(leading.signal).finally(() => ended.abort());
  // It is awaited below unless the lease is lost first; then its failure is the loss.
  work.catch(() => undefined);
  try {
    if ((await holdOn(elector, ended.signal)) === 'lost') {
      options.leadership.resign();
      leading.abort(new LeadershipLostError());
      options.onLost?.();
      return 'lost';
    }
    await work;
    return 'stopped';
  } finally {
    options.signal.removeEventListener('abort', stop);
    await release(elector);
  }
}

/** Resolves true once the lease is ours, false when stopped before. */
async function acquire(elector: Elector): Promise<boolean> {
  while (!elector.signal.aborted) {
    const step = await attempt(elector, elector.signal);
    if (step === 'held') return true;
    await sleep(elector.timing.lookEveryMs * (0.75 + elector.random() / 2), elector.signal);
  }
  return false;
}

/** Renews until the work has ended, or the lease is lost. */
async function holdOn(elector: Elector, ended: AbortSignal): Promise<'ended' | 'lost'> {
  const { renewEveryMs, renewAgainMs } = elector.timing;
  let pause = renewEveryMs;
  while (!ended.aborted) {
    await sleep(pause, ended);
    if (ended.aborted) break;
    // Awake again after a pause that was too long: another may lead by now.
    if (!elector.leadership.stillLeader()) return 'lost';
    const step = await attempt(elector, ended);
    if (step === 'lost') return 'lost';
    pause = step === 'held' ? renewEveryMs : renewAgainMs;
    if (!ended.aborted && !elector.leadership.stillLeader()) return 'lost';
  }
  return elector.leadership.stillLeader() ? 'ended' : 'lost';
}

/** One step towards holding the lease: looks where it must, writes where it may. Never throws. */
async function attempt(elector: Elector, signal: AbortSignal): Promise<'held' | 'lost' | 'wait'> {
  const leading = elector.leadership.stillLeader();
  try {
    // The leader knows what it wrote last; everybody else looks.
    if (!leading || elector.observed?.lease === undefined) await look(elector, signal);
    const step = stepOf(elector, leading);
    if (step === 'wait' || step === 'lost') return step;
    await write(elector, step, signal);
    return 'held';
  } catch (error) {
    if (signal.aborted) return 'wait';
    const outrun = isKubeError(error, 409) || isKubeError(error, 404);
    if (outrun && leading) return await lookAgain(elector, signal);
    // Whoever waits may be outrun by another that does: no fault.
    if (!outrun) elector.onError?.(error);
    return 'wait';
  }
}

/** The leader's record was not the last: somebody took the lease, deleted it, or an answer of ours was lost. */
async function lookAgain(elector: Elector, signal: AbortSignal): Promise<'lost' | 'wait'> {
  try {
    await look(elector, signal);
    return stepOf(elector, true) === 'lost' ? 'lost' : 'wait';
  } catch (error) {
    if (!signal.aborted) elector.onError?.(error);
    return 'wait';
  }
}

function stepOf(elector: Elector, leading: boolean): LeaseStep {
  const observed = elector.observed ?? { lease: undefined, at: elector.monotonic() };
  return nextStep({ observed, identity: elector.identity, leading, now: elector.monotonic(), leaseMs: elector.timing.leaseMs });
}

async function look(elector: Elector, signal: AbortSignal): Promise<void> {
  let lease: Lease | undefined;
  try {
    lease = await send<Lease>(elector, 'GET', leasePath(elector, elector.name), undefined, signal);
  } catch (error) {
    if (!isKubeError(error, 404)) throw error;
  }
  elector.observed = observe(elector.observed, lease, elector.monotonic());
}

async function write(elector: Elector, step: 'create' | 'take' | 'renew', signal: AbortSignal): Promise<void> {
  const before = elector.observed?.lease;
  const spec = leaseSpec(before?.spec, elector.identity, elector.timing.leaseMs, microTime(elector.now()));
  // The lease counts from before the request: others count from when the server took it, which is later.
  const sentAt = elector.monotonic();
  const lease =
    step === 'create' || before === undefined
      ? await send<Lease>(elector, 'POST', leasePath(elector), newLease(elector, spec), signal)
      : await send<Lease>(elector, 'PUT', leasePath(elector, elector.name), { ...before, spec }, signal);
  elector.leadership.renewed(sentAt);
  elector.observed = observe(elector.observed, lease, elector.monotonic());
}

/** A process that ends does not wait longer for the lease; milliseconds. */
const releaseMs = 2_000;

/** Gives the lease away when it is surely ours; otherwise it runs out by itself. */
async function release(elector: Elector): Promise<void> {
  const ours = elector.leadership.stillLeader();
  // From here on no write passes: another may lead as soon as the answer is there.
  elector.leadership.resign();
  if (!ours) return;
  const signal = AbortSignal.timeout(releaseMs);
  try {
    try {
      await giveAway(elector, signal);
    } catch (error) {
      // A renewal that was cut off as the work ended has arrived all the same.
      if (!isKubeError(error, 409)) throw error;
      await look(elector, signal);
      await giveAway(elector, signal);
    }
  } catch (error) {
    elector.onError?.(error);
  }
}

async function giveAway(elector: Elector, signal: AbortSignal): Promise<void> {
  const lease = elector.observed?.lease;
  if (lease?.spec?.holderIdentity !== elector.identity) return;
  const body = { ...lease, spec: releasedSpec(lease.spec, microTime(elector.now())) };
  await send(elector, 'PUT', leasePath(elector, elector.name), body, signal);
}

async function send<T>(elector: Elector, method: 'GET' | 'POST' | 'PUT', path: string, body: unknown, signal: AbortSignal): Promise<T> {
  return (await elector.client.request<T>({ method, path, body, signal, timeoutMs: elector.timing.requestMs })).body;
}

function newLease(elector: Elector, spec: LeaseSpec): Lease {
  const metadata = { namespace: elector.namespace, name: elector.name };
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
}

function leasePath(elector: Elector, name?: string): string {
  const all = `/apis/coordination.k8s.io/v1/namespaces/${elector.namespace}/leases`;
  return name === undefined ? all : `${all}/${name}`;
}

/** Resolves after `ms`, or at once when aborted. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
