import { expect, test } from '@jest/globals';
import { createWatchStates } from '../../operator/reconcile/watch-states.ts';
import type { GroupVersionKind } from '../../operator/kube/types.ts';

const sources = { group: 'plumbline.dev', version: 'v1', kind: 'GitOpsSource' };
const pods = { group: '', version: 'v1', kind: 'Pod' };

function states() {
  const up = new Map<string, boolean | undefined>();
  return { up, watches: createWatchStates(({ kind }: GroupVersionKind, is) => up.set(kind, is)) };
}

test('a kind is up while each of its watches is, whatever it is watched for and wherever', () => {
  const { up, watches } = states();
  const is = () => up.get('GitOpsSource');
  watches.note(sources, { of: 'sources', namespace: 'shop' }, true);
  watches.note(sources, { of: 'sources', namespace: 'web' }, false, new Error('forbidden'));
  expect(is()).toBe(false);
  watches.note(sources, { of: 'sources', namespace: 'shop' }, true);
  watches.note(sources, { of: 'members' }, true);
  expect(is()).toBe(false);
  watches.note(sources, { of: 'sources', namespace: 'web' }, true);
  expect(is()).toBe(true);
  watches.note(sources, { of: 'members' }, false, new Error('cut'));
  expect(is()).toBe(false);
  watches.note(sources, { of: 'members' }, undefined);
  expect(is()).toBe(true);
});

test('what is broken is told with where and why; of members the inventory tells it', () => {
  const { up, watches } = states();
  watches.note(sources, { of: 'sources' }, false, new Error('no answer'));
  watches.note(sources, { of: 'members' }, false, new Error('no answer'));
  watches.note(pods, { of: 'pods', namespace: 'shop' }, false, new Error('pods is forbidden'));
  expect(watches.broken()).toEqual(['GitOpsSource.plumbline.dev plumbline.dev/v1: no answer', 'Pod v1 in shop: pods is forbidden']);
  watches.note(pods, { of: 'pods', namespace: 'shop' }, undefined);
  watches.note(sources, { of: 'sources' }, true);
  expect([watches.broken(), up.get('Pod'), up.get('GitOpsSource')]).toEqual([[], undefined, false]);
});
