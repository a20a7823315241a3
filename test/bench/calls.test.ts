import { describe, expect, test } from '@jest/globals';
import { clockOf, isUpkeep, ofOperator, tableOf } from '../../bench/calls.ts';
import type { AuditEvent } from '../e2e/audit.ts';

const start = Date.parse('2026-03-01T00:00:00Z');
const at = (ms: number): string => new Date(start + ms).toISOString();

function call(
  verb: string,
  resource: string,
  more: Partial<AuditEvent> & { readonly from?: number; readonly to?: number } = {},
): AuditEvent {
  const { from = 0, to = from, ...rest } = more;
  const [name, subresource] = resource.split('/');
  return {
    verb,
    requestURI: `/${resource}`,
    user: { username: 'admin' },
    userAgent: 'plumbline/0.1.0',
    ...(name === '' ? {} : { objectRef: { ...(name && { resource: name }), ...(subresource && { subresource }) } }),
    responseStatus: { code: 200 },
    requestReceivedTimestamp: at(from),
    stageTimestamp: at(to),
    stage: 'ResponseComplete',
    ...rest,
  };
}

describe('the calls of a storm', () => {
  test.each([
    ['patch', 'deployments', 10],
    ['patch', 'gitopssources', 10],
    ['patch', 'gitopssources/status', 10],
    ['list', 'services', 2],
    ['watch', 'ingresses', 1],
    ['get', 'serviceaccounts', 1],
    ['create', 'controllerrevisions', 10],
    ['list', 'controllerrevisions', 1],
    ['patch', 'controllerrevisions', 0],
    ['get', 'deployments', 0],
    ['get', 'gitopssources', 0],
    ['get', 'secrets', 0],
    ['create', 'selfsubjectaccessreviews', 0],
    ['create', 'events', Infinity],
    ['update', 'leases', Infinity],
  ])('%s %s: of 10 sources at most %d', (verb, resource, allowed) => {
    expect(tableOf([call(verb, resource)], 10)).toEqual([{ verb, resource, count: 1, allowed }]);
  });

  test('discovery is allowed, other pages are not', () => {
    const events = ['/api', '/apis', '/version'].map((requestURI) => call('get', '', { requestURI }));
    expect(tableOf(events, 10)).toEqual([
      { verb: 'get', resource: 'discovery', count: 2, allowed: 2 },
      { verb: 'get', resource: '/version', count: 1, allowed: 0 },
    ]);
  });

  test('the clock runs from the first request to the last status that was taken', () => {
    const events = [
      call('get', 'leases', { from: 100, to: 110 }),
      call('patch', 'gitopssources/status', { from: 200, to: 250 }),
      call('patch', 'gitopssources/status', { from: 300, to: 350 }),
      call('patch', 'gitopssources/status', { from: 400, to: 450, responseStatus: { code: 409 } }),
      call('create', 'events', { from: 500, to: 550 }),
    ];
    expect(clockOf(events)).toEqual({ first: start + 100, last: start + 350 });
  });

  test('others do not count, and leases and watches are upkeep', () => {
    const events = [
      call('get', 'pods', { userAgent: 'kubectl' }),
      call('update', 'leases'),
      call('watch', 'services'),
      call('list', 'services'),
    ];
    expect(
      ofOperator(events)
        .filter((event) => !isUpkeep(event))
        .map((event) => event.verb),
    ).toEqual(['list']);
  });
});
