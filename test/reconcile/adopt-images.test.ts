import { expect, test } from '@jest/globals';
import { mayRunPods } from '../../operator/reconcile/adopt-images.ts';

test.each([
  ['apps', 'Deployment', true],
  ['batch', 'CronJob', true],
  ['', 'Pod', true],
  ['', 'Secret', false],
  ['', 'ConfigMap', false],
  ['rbac.authorization.k8s.io', 'Role', false],
  ['networking.k8s.io', 'Ingress', false],
  ['policy', 'PodDisruptionBudget', false],
  ['autoscaling', 'HorizontalPodAutoscaler', false],
  ['plumbline.dev', 'GitOpsSource', false],
  ['argoproj.io', 'Rollout', true],
])('%s %s may run pods: %s', (group, kind, expected) => {
  expect(mayRunPods({ group, kind })).toBe(expected);
});
