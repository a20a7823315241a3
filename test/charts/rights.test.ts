import { describe, expect, test } from '@jest/globals';
import { useCluster } from '../e2e/cluster.ts';
import { chartDir, image, useHelm } from './helm.ts';

const cluster = useCluster();
const helm = useHelm();
const crd = ['--set', 'crd.install=false']; // the plane has one already

interface Installed {
  /** The namespace of the release. */
  readonly release: string;
  /** All that RBAC grants the account in a namespace, beyond what it grants every account: `patch group/resource`. */
  rights(namespace: string): Promise<readonly string[]>;
  /** What kubectl auth can-i says; `where` are further arguments. */
  may(verb: string, resource: string, ...where: string[]): Promise<boolean>;
}

/** Installs the chart into a namespace of its own. */
async function install(...values: string[]): Promise<Installed> {
  const release = await cluster().namespace('plumbline');
  await helm().ok(['install', 'plumbline', chartDir, '-n', release, ...image, ...crd, ...values], { kubeconfig: cluster().kubeconfigPath });
  const as = (name: string): string => `system:serviceaccount:${release}:${name}`;
  return {
    release,
    async rights(namespace) {
      const nobody = new Set(await rightsOf(as('nobody'), namespace));
      return (await rightsOf(as('plumbline'), namespace)).filter((right) => !nobody.has(right)).toSorted();
    },
    async may(verb, resource, ...where) {
      const { stdout, stderr } = await cluster().tryKubectl(['auth', 'can-i', verb, resource, ...where, '--as', as('plumbline')]);
      if (!/^(yes|no)\n$/.test(stdout)) throw new Error(`kubectl auth can-i says ${stdout}${stderr}`);
      return stdout === 'yes\n';
    },
  };
}

interface ResourceRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** Every rule that holds for a service account in a namespace, those of the whole cluster among them. */
async function rightsOf(user: string, namespace: string): Promise<readonly string[]> {
  const { status } = await cluster().request.ok('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
    body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } },
    headers: { 'impersonate-user': user },
  });
  if (status.incomplete === true) throw new Error(`not all rules are told: ${status.evaluationError}`);
  return status.resourceRules.flatMap(({ verbs, apiGroups, resources, resourceNames }: ResourceRule) => {
    const names = resourceNames === undefined ? '' : ` ${resourceNames.join(',')}`;
    const whats = apiGroups.flatMap((group) => resources.map((resource) => `${group}/${resource}${names}`));
    return whats.flatMap((what) => verbs.map((verb) => `${verb} ${what}`));
  });
}

const each = (verbs: string, what: string): readonly string[] => verbs.split(' ').map((verb) => `${verb} ${what}`);

/** What the operator does in the namespaces that it serves. */
const serves = [
  ...each('get list watch patch', 'plumbline.dev/gitopssources'),
  ...each('patch', 'plumbline.dev/gitopssources/status'),
  ...each('create patch', 'events.k8s.io/events'),
  ...each('get list create patch delete', 'apps/controllerrevisions'),
];
const acts = each('impersonate', '/serviceaccounts');
const coreKinds =
  'configmaps endpoints limitranges namespaces persistentvolumeclaims persistentvolumes pods podtemplates replicationcontrollers ' +
  'resourcequotas secrets serviceaccounts services';
const safeGroups =
  'admissionregistration.k8s.io apiextensions.k8s.io apiregistration.k8s.io apps autoscaling batch discovery.k8s.io ' +
  'flowcontrol.apiserver.k8s.io networking.k8s.io node.k8s.io policy rbac.authorization.k8s.io resource.k8s.io scheduling.k8s.io storage.k8s.io';
const readsAll = [
  ...each('list watch', '*/*'),
  ...coreKinds.split(' ').map((kind) => `get /${kind}`),
  ...safeGroups.split(' ').map((group) => `get ${group}/*`),
];
const leads = [...each('create', 'coordination.k8s.io/leases'), ...each('get update', 'coordination.k8s.io/leases plumbline')];
const sorted = (...rights: readonly (readonly string[])[]): readonly string[] => rights.flat().toSorted();

describe('the operator of a whole cluster', () => {
  test('may do what it does, and nothing else', async () => {
    const [operator, namespace] = [await install(), await cluster().namespace()];
    expect(await operator.rights(namespace)).toEqual(sorted(serves, acts, readsAll));
    expect(await operator.rights(operator.release)).toEqual(sorted(serves, acts, readsAll, leads));
  });

  test('can write nothing from git by itself, and run no command', async () => {
    const operator = await install();
    expect([await operator.may('list', 'widgets.example.com', '-A'), await operator.may('watch', 'secrets', '-A')]).toEqual([true, true]);
    for (const verb of ['create', 'update', 'patch', 'delete', 'deletecollection']) {
      expect([verb, await operator.may(verb, 'deployments.apps', '-A'), await operator.may(verb, 'secrets', '-A')]).toEqual([
        verb,
        false,
        false,
      ]);
    }
    // With get on every resource these would be allowed, and a GET with an upgrade runs a command.
    const { resources } = await cluster().request.ok('GET', '/api/v1');
    const runs = /^(\w+)\/(exec|attach|portforward|proxy)$/;
    const dangerous: string[] = resources.map(({ name }: { name: string }) => name).filter((name: string) => runs.test(name));
    expect(dangerous).toEqual(expect.arrayContaining(['pods/exec', 'pods/proxy', 'nodes/proxy', 'services/proxy']));
    for (const name of dangerous) {
      const [resource = '', subresource] = name.split('/');
      const allowed = await Promise.all(
        ['get', 'create'].map((verb) => operator.may(verb, resource, `--subresource=${subresource}`, '-A')),
      );
      expect([name, ...allowed]).toEqual([name, false, false]);
    }
  });

  test('acts as accounts of named namespaces and names only, where values say so', async () => {
    const [shop, bank] = [await cluster().namespace(), await cluster().namespace()];
    const operator = await install('--set', `rbac.impersonate.namespaces={${shop}},rbac.impersonate.serviceAccounts={deployer}`);
    const mayBe = (namespace: string, name: string): Promise<boolean> =>
      operator.may('impersonate', `serviceaccounts/${name}`, '-n', namespace);
    expect([await mayBe(shop, 'deployer'), await mayBe(shop, 'default'), await mayBe(bank, 'deployer')]).toEqual([true, false, false]);
  });

  test('reads no more than values say', async () => {
    const read = '[{"apiGroups":["apps"],"resources":["deployments"]}]';
    const [operator, namespace] = [await install('--set-json', `rbac.read=${read}`), await cluster().namespace()];
    const base = [...each('get list watch', '/namespaces'), ...each('get list watch', '/serviceaccounts')];
    const crds = each('get list watch', 'apiextensions.k8s.io/customresourcedefinitions');
    expect(await operator.rights(namespace)).toEqual(sorted(serves, acts, base, crds, each('get list watch', 'apps/deployments')));
  });
});

describe('the operator of named namespaces', () => {
  test('has Roles in them, and nothing outside', async () => {
    const [shop, bank, other] = [await cluster().namespace(), await cluster().namespace(), await cluster().namespace()];
    const operator = await install('--set', `namespaces={${shop},${bank}}`);
    expect(await operator.rights(shop)).toEqual(sorted(serves, acts, readsAll));
    expect(await operator.rights(bank)).toEqual(sorted(serves, acts, readsAll));
    expect(await operator.rights(operator.release)).toEqual(sorted(leads));
    expect(await operator.rights(other)).toEqual([]);
    const reads = (namespace: string): Promise<boolean> => operator.may('get', `namespaces/${namespace}`, '-n', namespace);
    expect([await reads(shop), await reads(other)]).toEqual([true, false]);
  });

  test('may serve its own namespace', async () => {
    const release = await cluster().namespace('plumbline');
    const args = ['-n', release, ...image, ...crd, '--set', `namespaces={${release}}`];
    await helm().ok(['install', 'plumbline', chartDir, ...args], { kubeconfig: cluster().kubeconfigPath });
    const roles = await cluster().kubectl('get', 'roles', '-n', release, '-o', 'name');
    expect(roles.trim().split('\n')).toEqual([
      'role.rbac.authorization.k8s.io/plumbline',
      'role.rbac.authorization.k8s.io/plumbline-lease',
    ]);
  });
});

test('without rbac.create nothing is bound', async () => {
  const operator = await install('--set', 'rbac.create=false');
  expect(await operator.rights(operator.release)).toEqual([]);
});
