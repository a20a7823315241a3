import { expect, test } from '@jest/globals';
import { isSelected, podSelector } from '../../../operator/live/health/selector.ts';
import type { Body } from './made.ts';
import { objectOf } from './made.ts';

const selector = { matchLabels: { app: 'web' } };

test.each<[string, Body, boolean]>([
  ['Deployment apps/v1', { spec: { selector, replicas: 2 } }, true],
  ['Deployment apps/v1', { spec: { selector } }, true],
  ['Deployment apps/v1', { spec: { selector, replicas: 0 } }, false],
  ['StatefulSet apps/v1', { spec: { selector, replicas: 1 } }, true],
  ['ReplicaSet apps/v1', { spec: { selector, replicas: 0 } }, false],
  ['DaemonSet apps/v1', { spec: { selector } }, true],
  ['DaemonSet apps/v1', { spec: { selector }, status: { desiredNumberScheduled: 0 } }, false],
  ['Job batch/v1', { spec: { selector } }, true],
  ['Job batch/v1', { spec: {} }, false],
  ['Service v1', { spec: { selector: { app: 'web' } } }, false],
  ['Deployment shop.example.com/v1', { spec: { selector } }, false],
])('%s with %j has pods to look into: %s', (kind, body, hasPods) => {
  expect(podSelector(objectOf(kind, body)) !== undefined).toBe(hasPods);
});

const labels = { app: 'web', tier: 'front' };
const where = (key: string, operator: string, ...values: readonly string[]) => ({ matchExpressions: [{ key, operator, values }] });

test.each<[object, boolean]>([
  [{}, true],
  [{ matchLabels: { app: 'web' } }, true],
  [{ matchLabels: { app: 'web', tier: 'back' } }, false],
  [where('tier', 'In', 'back', 'front'), true],
  [where('tier', 'In', 'back'), false],
  [where('zone', 'In', 'a'), false],
  [where('tier', 'NotIn', 'back'), true],
  [where('tier', 'NotIn', 'front'), false],
  [where('zone', 'NotIn', 'a'), true],
  [where('tier', 'Exists'), true],
  [where('zone', 'Exists'), false],
  [where('zone', 'DoesNotExist'), true],
  [where('tier', 'DoesNotExist'), false],
  [where('tier', 'Perhaps'), false],
  [{ matchLabels: { app: 'web' }, ...where('tier', 'In', 'back') }, false],
])('%j selects a pod of %j: %s', (wanted, isMet) => {
  expect(isSelected({ ...wanted }, labels)).toBe(isMet);
});
