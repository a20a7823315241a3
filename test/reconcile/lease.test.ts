import { describe, expect, test } from '@jest/globals';
import { leaseSpec, nextStep, observe, releasedSpec } from '../../operator/reconcile/lease.ts';
import type { Lease, LeaseSpec, LeaseStep } from '../../operator/reconcile/lease.ts';

const leaseMs = 15_000;

function lease(spec: LeaseSpec, resourceVersion = '1'): Lease {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'plumbline', namespace: 'x', resourceVersion }, spec };
}

describe('what an elector does next', () => {
  const theirs = { holderIdentity: 'other', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z' };
  test.each<[string, Lease | undefined, boolean, number, LeaseStep]>([
    ['no lease yet', undefined, false, 0, 'create'],
    ['somebody deleted ours', undefined, true, 0, 'create'],
    ['ours', lease({ holderIdentity: 'me', leaseDurationSeconds: 15 }), true, 0, 'renew'],
    ['ours, from before we knew', lease({ holderIdentity: 'me', leaseDurationSeconds: 15 }), false, 0, 'take'],
    ['released', lease({ holderIdentity: '', leaseDurationSeconds: 1 }), false, 0, 'take'],
    ['never held', lease({ holderIdentity: null }), false, 0, 'take'],
    ['without a spec', { ...lease({}), spec: {} }, false, 0, 'take'],
    ['just seen, however old its times look', lease(theirs), false, 0, 'wait'],
    ['unchanged for almost its duration', lease(theirs), false, 14_999, 'wait'],
    ['unchanged for its duration', lease(theirs), false, 15_000, 'take'],
    ['unchanged, of a holder with a longer one', lease({ ...theirs, leaseDurationSeconds: 60 }), false, 59_999, 'wait'],
    ['without a duration: our own counts', lease({ holderIdentity: 'other', leaseDurationSeconds: null }), false, 14_999, 'wait'],
    ['without a duration, after our own', lease({ holderIdentity: 'other', leaseDurationSeconds: 0 }), false, 15_000, 'take'],
    ['taken from us', lease(theirs), true, 0, 'lost'],
    ['taken from us, and expired already', lease(theirs), true, 99_999, 'lost'],
    ['released in our name', lease({ holderIdentity: '' }), true, 0, 'lost'],
  ])('%s', (_, seen, leading, later, step) => {
    const observed = { lease: seen, at: 1_000 };
    expect(nextStep({ observed, identity: 'me', leading, now: 1_000 + later, leaseMs })).toBe(step);
  });
});

describe('since when a lease looks as it does', () => {
  const first = observe(undefined, lease({ holderIdentity: 'other' }), 10);
  test.each<[string, Lease | undefined, number]>([
    ['the same: since it was first seen', lease({ holderIdentity: 'other' }), 10],
    ['renewed: since now', lease({ holderIdentity: 'other', renewTime: 'x' }, '2'), 50],
    ['written without a difference: since now, its holder is alive', lease({ holderIdentity: 'other' }, '2'), 50],
    ['gone: since now', undefined, 50],
  ])('%s', (_, next, at) => {
    expect(observe(first, next, 50)).toEqual({ lease: next, at });
  });
});

describe('what is written', () => {
  const now = '2026-11-24T03:00:00.000000Z';
  test.each<[string, LeaseSpec | undefined, LeaseSpec]>([
    ['a first one', undefined, { holderIdentity: 'me', leaseDurationSeconds: 15, acquireTime: now, renewTime: now, leaseTransitions: 0 }],
    [
      'a renewal keeps since when',
      { holderIdentity: 'me', acquireTime: 'before', leaseTransitions: 3 },
      { holderIdentity: 'me', leaseDurationSeconds: 15, acquireTime: 'before', renewTime: now, leaseTransitions: 3 },
    ],
    [
      'a takeover counts',
      { holderIdentity: 'other', acquireTime: 'before', leaseTransitions: 3 },
      { holderIdentity: 'me', leaseDurationSeconds: 15, acquireTime: now, renewTime: now, leaseTransitions: 4 },
    ],
  ])('%s', (_, before, spec) => {
    expect(leaseSpec(before, 'me', leaseMs, now)).toEqual(spec);
  });

  test('a release leaves who was the last in the count alone', () => {
    const before = { holderIdentity: 'me', leaseDurationSeconds: 15, acquireTime: 'a', renewTime: 'b', leaseTransitions: 3 };
    expect(releasedSpec(before, now)).toEqual({ ...before, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now });
  });
});
