import { describe, expect, test } from '@jest/globals';
import { type Need, accountOf, forbiddenFault, needsOf, userOf } from '../../operator/apply/account.ts';
import type { GitOpsSource } from '../../operator/api/types.ts';
import { manifest, member } from '../plan/made.ts';

const source = (serviceAccountName?: string) =>
  ({ metadata: { namespace: 'shop', name: 'main' }, spec: { serviceAccountName } }) as GitOpsSource;

describe('who a source acts as', () => {
  test.each([
    ['deployer', 'default', 'system:serviceaccount:shop:deployer'],
    [undefined, 'default', 'system:serviceaccount:shop:default'],
    [undefined, '', undefined],
  ])('spec %s and flag %j: %s', (named, byDefault, user) => {
    const account = accountOf(source(named), byDefault);
    expect(account && userOf(account)).toBe(user);
  });
});

describe('what a revision needs', () => {
  test('is patch for each kind and namespace, create for what is new, delete for what goes', () => {
    const write = (verb: 'create' | 'change', name: string) => ({ verb, manifest: manifest({ name }), uid: undefined, adopts: undefined });
    const needs = needsOf([write('create', 'a'), write('change', 'b')], [member({ kind: 'Secret' })], [member({ kind: 'Service' })]);
    expect(needs.map((need) => `${need.verb} ${need.plural} ${need.namespace}`)).toEqual([
      'create configmaps shop',
      'patch configmaps shop',
      'delete secrets shop',
      'patch services shop',
    ]);
  });

  test('and what is missing is told whole, with the commands that grant it', () => {
    const missing: Need[] = [
      { verb: 'create', group: 'apps', plural: 'deployments', namespace: 'shop' },
      { verb: 'patch', group: 'apps', plural: 'deployments', namespace: 'shop' },
      { verb: 'patch', group: '', plural: 'services', namespace: 'shop' },
      { verb: 'delete', group: '', plural: 'namespaces', namespace: '' },
    ];
    const { reason, message, remedy } = forbiddenFault({ namespace: 'shop', name: 'deployer' }, missing);
    expect(reason).toBe('Forbidden');
    expect(message).toBe(
      'ServiceAccount shop/deployer may not: delete namespaces cluster-wide; create, patch deployments.apps in namespace shop; patch services in namespace shop',
    );
    const scope = String.raw`-n shop --verb=create,patch --resource=deployments\.apps`;
    expect(remedy).toMatch(
      new RegExp(
        String.raw`kubectl create role (plumbline-shop-deployer-\w+) ${scope}\n\s+kubectl create rolebinding \1 -n shop --role=\1 --serviceaccount=shop:deployer`,
      ),
    );
    expect(remedy).toMatch(/kubectl create clusterrole plumbline-shop-deployer-\w+ --verb=delete --resource=namespaces/);
  });
});
