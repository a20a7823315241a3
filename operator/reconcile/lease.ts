/** Pure: what an elector does next about a Lease of coordination.k8s.io/v1, whatever the clocks of others say. */

export interface LeaseSpec {
  readonly holderIdentity?: string | null;
  readonly leaseDurationSeconds?: number | null;
  readonly acquireTime?: string | null;
  readonly renewTime?: string | null;
  readonly leaseTransitions?: number | null;
}

/** A Lease as the API server has it. */
export interface Lease {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion?: string };
  readonly spec?: LeaseSpec;
}

/** A record of the lease and when it was first seen like this, by the monotonic clock. */
export interface Observed {
  readonly lease: Lease | undefined;
  /** Milliseconds. */
  readonly at: number;
}

export type LeaseStep = 'create' | 'take' | 'renew' | 'wait' | 'lost';

/**
 * The next step. Another holder's lease is expired once its record stood unchanged for its whole duration by our own
 * clock: the times written in it are never compared with anything (as client-go does, for clocks that disagree).
 */
export function nextStep(input: {
  readonly observed: Observed;
  readonly identity: string;
  /** This process holds the lease as far as it knows. */
  readonly leading: boolean;
  /** The monotonic clock now, milliseconds. */
  readonly now: number;
  /** Our own lease duration, for a record without one; milliseconds. */
  readonly leaseMs: number;
}): LeaseStep {
  const { observed, identity, leading, now, leaseMs } = input;
  if (observed.lease === undefined) return 'create';
  const { holderIdentity, leaseDurationSeconds } = observed.lease.spec ?? {};
  if (holderIdentity === identity) return leading ? 'renew' : 'take';
  if (leading) return 'lost';
  if (holderIdentity === undefined || holderIdentity === null || holderIdentity === '') return 'take';
  const duration = typeof leaseDurationSeconds === 'number' && leaseDurationSeconds > 0 ? leaseDurationSeconds * 1_000 : leaseMs;
  return now - observed.at >= duration ? 'take' : 'wait';
}

/** What was seen, with the time since when it looks like this. */
export function observe(before: Observed | undefined, lease: Lease | undefined, now: number): Observed {
  return before !== undefined && recordOf(before.lease) === recordOf(lease) ? { lease, at: before.at } : { lease, at: now };
}

/** The spec to write: a renewal keeps when it was acquired, a takeover counts. `wallTime`: MicroTime, for people only. */
export function leaseSpec(before: LeaseSpec | undefined, identity: string, leaseMs: number, wallTime: string): LeaseSpec {
  const ours = before?.holderIdentity === identity;
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(leaseMs / 1_000),
    acquireTime: ours ? (before.acquireTime ?? wallTime) : wallTime,
    renewTime: wallTime,
    leaseTransitions: (before?.leaseTransitions ?? 0) + (ours || before === undefined ? 0 : 1),
  };
}

/** The spec that gives the lease away: whoever waits takes it at once. */
export function releasedSpec(before: LeaseSpec | undefined, wallTime: string): LeaseSpec {
  return { ...before, holderIdentity: '', leaseDurationSeconds: 1, renewTime: wallTime };
}

function recordOf(lease: Lease | undefined): string {
  return JSON.stringify([lease?.metadata.resourceVersion, lease?.spec]);
}
