import { describe, expect, test } from '@jest/globals';
import type { KubeRequest } from '../../operator/kube/client.ts';
import { isPassedOn } from '../../operator/reconcile/hints.ts';
import { Leadership } from '../../operator/reconcile/leader.ts';

const { signal } = new AbortController();
const passedOn: KubeRequest = {
  method: 'PATCH',
  path: '/apis/plumbline.dev/v1/namespaces/shop/gitopssources/web',
  query: { fieldManager: 'plumbline-controller' },
  contentType: 'application/merge-patch+json',
  body: { metadata: { annotations: { 'plumbline.dev/requestedAt': '2026-11-25T20:00:00.000Z' } } },
  signal,
};

describe('what a standby may write', () => {
  test('is requestedAt on a source', () => {
    expect(isPassedOn(passedOn)).toBe(true);
  });

  test.each<[string, Partial<KubeRequest>]>([
    ['its status', { path: `${passedOn.path}/status` }],
    ['another kind', { path: '/api/v1/namespaces/shop/configmaps/web' }],
    ['another group that looks alike', { path: '/apis/plumblinexdev/v1/namespaces/shop/gitopssources/web' }],
    ['all sources', { path: '/apis/plumbline.dev/v1/namespaces/shop/gitopssources' }],
    ['a deletion', { method: 'DELETE' }],
    ['a replacement', { method: 'PUT' }],
    ['an apply', { contentType: 'application/apply-patch+yaml' }],
    ['a JSON patch', { contentType: 'application/json-patch+json', body: [] }],
    ['as somebody else', { as: 'system:serviceaccount:shop:deployer' }],
    ['another annotation', { body: { metadata: { annotations: { 'plumbline.dev/allow-prune': 'x' } } } }],
    ['another one beside it', { body: { metadata: { annotations: { 'plumbline.dev/requestedAt': 'x', a: 'b' } } } }],
    ['labels beside it', { body: { metadata: { annotations: { 'plumbline.dev/requestedAt': 'x' }, labels: {} } } }],
    ['the spec beside it', { body: { metadata: { annotations: { 'plumbline.dev/requestedAt': 'x' } }, spec: {} } }],
    ['that it is taken away', { body: { metadata: { annotations: { 'plumbline.dev/requestedAt': null } } } }],
    ['nothing', { body: undefined }],
    ['a text', { body: '{"metadata":{"annotations":{"plumbline.dev/requestedAt":"x"}}}' }],
  ])('is not %s', (_, other) => {
    expect(isPassedOn({ ...passedOn, ...other })).toBe(false);
  });
});

test('who led once is known for it, also when it leads no more', () => {
  let now = 0;
  const leadership = new Leadership(() => now);
  expect([leadership.stillLeader(), leadership.hasLed]).toEqual([false, false]);
  leadership.renewed(0);
  expect([leadership.stillLeader(), leadership.hasLed]).toEqual([true, true]);
  now = 60_000;
  expect([leadership.stillLeader(), leadership.hasLed]).toEqual([false, true]);
});
