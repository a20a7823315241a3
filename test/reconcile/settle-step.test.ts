import { expect, test } from '@jest/globals';
import { KubeError } from '../../operator/kube/client.ts';
import type { Status } from '../../operator/kube/client.ts';
import { failureOf } from '../../operator/reconcile/settle-step.ts';

const webhook: Status = {
  kind: 'Status',
  reason: 'InternalError',
  message: 'Internal error occurred',
  details: { causes: [{ message: 'failed calling webhook "check.example.com": no endpoints' }] },
};
const manifestFault: Status = { kind: 'Status', reason: '', message: 'failed to create typed patch object: .spec.x: field not declared' };

test.each<[code: number, status: Status, 'outage' | 'later' | 'refused']>([
  [0, { reason: 'Cut' }, 'outage'],
  [401, { reason: 'Unauthorized' }, 'outage'],
  [429, {}, 'outage'],
  [500, { kind: 'Status', reason: 'InternalError', message: 'boom' }, 'outage'],
  [500, { kind: 'Status', message: 'etcdserver: request timed out' }, 'outage'],
  [500, manifestFault, 'refused'],
  [500, webhook, 'later'],
  [502, {}, 'outage'],
  [503, {}, 'outage'],
  [504, { reason: 'Timeout' }, 'outage'],
  [403, { reason: 'Forbidden' }, 'later'],
  [404, { reason: 'NotFound' }, 'later'],
  [409, { reason: 'Conflict' }, 'later'],
  [400, { reason: 'BadRequest' }, 'refused'],
  [422, { reason: 'Invalid' }, 'refused'],
])('a dry run that fails with %i %j is an %s', (code, status, kind) => {
  expect(failureOf(new KubeError(code, status))).toBe(kind);
});
