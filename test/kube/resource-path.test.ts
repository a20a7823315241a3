import { describe, expect, test } from '@jest/globals';
import { isIdempotent, isLeaseRequest, resourcePath, verbOf } from '../../operator/kube/resource-path.ts';
import type { Resource } from '../../operator/kube/types.ts';

const deployments: Resource = { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true, verbs: [] };
const namespaces: Resource = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false, verbs: [] };

describe('paths', () => {
  test.each([
    [deployments, 'shop', 'web', undefined, '/apis/apps/v1/namespaces/shop/deployments/web'],
    [deployments, 'shop', 'web', 'status', '/apis/apps/v1/namespaces/shop/deployments/web/status'],
    [deployments, 'shop', undefined, undefined, '/apis/apps/v1/namespaces/shop/deployments'],
    [deployments, undefined, undefined, undefined, '/apis/apps/v1/deployments'],
    [namespaces, '', 'shop', undefined, '/api/v1/namespaces/shop'],
    [namespaces, 'ignored', 'shop', undefined, '/api/v1/namespaces/shop'],
    [deployments, 'shop', 'a:b/c', undefined, '/apis/apps/v1/namespaces/shop/deployments/a%3Ab%2Fc'],
  ])('%#', (resource, namespace, name, subresource, expected) => {
    expect(resourcePath(resource, namespace, name, subresource)).toBe(expected);
  });
});

describe('verbs', () => {
  test.each([
    ['GET', '/api/v1/namespaces/shop/configmaps', {}, 'list'],
    ['GET', '/api/v1/configmaps', { watch: '1' }, 'watch'],
    ['GET', '/api/v1/namespaces/shop/configmaps/a', {}, 'get'],
    ['GET', '/api/v1/namespaces', {}, 'list'],
    ['GET', '/api/v1/namespaces/shop', {}, 'get'],
    ['GET', '/apis/apps/v1/deployments', {}, 'list'],
    ['GET', '/apis/apps/v1/namespaces/shop/deployments/web/status', {}, 'get'],
    ['GET', '/apis', {}, 'get'],
    ['GET', '/version', {}, 'get'],
    ['POST', '/api/v1/namespaces', {}, 'create'],
    ['PUT', '/api/v1/namespaces/shop', {}, 'update'],
    ['PATCH', '/api/v1/namespaces/shop', {}, 'patch'],
    ['DELETE', '/api/v1/namespaces/shop', {}, 'delete'],
  ] as const)('%s %s %j is %s', (method, path, query, expected) => {
    expect(verbOf({ method, path, query })).toBe(expected);
  });
});

test.each([
  ['GET', {}, undefined, true],
  ['DELETE', {}, undefined, true],
  ['PATCH', {}, 'application/apply-patch+yaml', true],
  ['PATCH', {}, 'application/merge-patch+json', true],
  ['PATCH', {}, 'application/json-patch+json', false],
  ['POST', {}, undefined, false],
  ['PUT', {}, undefined, false],
  ['POST', { dryRun: 'All' }, undefined, true],
  ['PATCH', { dryRun: 'All' }, 'application/json-patch+json', true],
] as const)('%s %j %s may be sent twice: %s', (method, query, contentType, expected) => {
  expect(isIdempotent({ method, path: '/api/v1/namespaces', query, contentType })).toBe(expected);
});

test('asking about rights may be done twice; a lease is told by its path', () => {
  expect(isIdempotent({ method: 'POST', path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews' })).toBe(true);
  expect(isLeaseRequest('/apis/coordination.k8s.io/v1/namespaces/a/leases/plumbline')).toBe(true);
  expect(isLeaseRequest('/api/v1/namespaces/leases')).toBe(false);
});
