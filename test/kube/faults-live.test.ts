/** The table of faults.test.ts holds only if the API server speaks as it is supposed there: asked here, each kind once. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Fault, Reason } from '../../operator/errors.ts';
import type { ConnectedClient } from '../../operator/kube/connect.ts';
import { describeApiError } from '../../operator/kube/faults.ts';
import { applyObject, createObject, deleteObject } from '../../operator/kube/operations.ts';
import type { ApplyOptions } from '../../operator/kube/operations.ts';
import { objectText } from '../../operator/kube/types.ts';
import type { KubeObject, Resource } from '../../operator/kube/types.ts';
import { useCluster, waitFor } from '../e2e/cluster.ts';
import { clientOf, configMap, configMaps, crds, credentialsOf, deployments, namespaces, secrets, services } from './clients.ts';
import { register, startWebhook } from './webhook.ts';

const cluster = useCluster();
const signal = new AbortController().signal;
const closing: (() => Promise<void>)[] = [];
let client: ConnectedClient;
let namespace = '';
let tries = 0;

beforeAll(async () => {
  client = clientOf(credentialsOf(cluster().admin), { onRequest: () => void (tries += 1) });
  namespace = await cluster().namespace();
});

afterAll(async () => {
  for (const close of closing) await close();
  await client.close();
});

/** The faults that an apply meets with; none when it is let through. */
async function faults(resource: Resource, object: KubeObject, options: Omit<ApplyOptions, 'signal'> = {}): Promise<readonly Fault[]> {
  tries = 0;
  try {
    await applyObject(client, resource, object, { signal, ...options });
    return [];
  } catch (error) {
    const id = { kind: object.kind, namespace: object.metadata.namespace ?? '', name: object.metadata.name };
    return describeApiError(error, { object: objectText(id), isSecret: object.kind === 'Secret', verb: 'apply', as: options.as });
  }
}

const short = (told: readonly Fault[]): (readonly [Reason, string])[] => told.map((fault) => [fault.reason, fault.message]);

function deployment(name: string, container: object = {}, spec: object = {}, labels: object = { a: 'b' }): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'd', ...container }] } },
      ...spec,
    },
  };
}

const secretObject = (name: string, more: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace, name },
  ...more,
});
const job = (image: string): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { namespace, name: 'job' },
  spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image }] } } },
});
const jobs: Resource = { ...deployments, group: 'batch', kind: 'Job', plural: 'jobs' };

describe('a manifest that is wrong', () => {
  test('is told with every field', async () => {
    const wrong = deployment('many', { image: '', imagePullPolicy: 'Bogus' }, { replicas: 1 });
    expect(short(await faults(deployments, wrong))).toEqual([
      ['ObjectRefused', 'spec.template.spec.containers[0].image: Required value'],
      [
        'ObjectRefused',
        expect.stringMatching(/^spec.template.spec.containers\[0\].imagePullPolicy: Unsupported value: "Bogus": supported values:/),
      ],
    ]);
    expect(tries).toBe(1);
  });

  test('is told with its unquoted values, each', async () => {
    const told = await faults(configMaps, configMap(namespace, 'types', { a: 5, b: true }));
    expect(short(told)).toEqual([
      ['ObjectRefused', 'data.a: expected string, got a number: 5'],
      ['ObjectRefused', 'data.b: expected string, got a boolean: true'],
    ]);
    expect(told[0]?.remedy).toBe('Put the value in quotes.');
    expect(tries).toBe(1);
  });

  test('is told with a field that is none, whatever else is told then: the API server looks no further', async () => {
    const told = await faults(configMaps, { ...configMap(namespace, 'types', { a: 5 }), nonsense: 1 });
    expect(short(told)).toContainEqual(['ObjectRefused', 'nonsense: is no field of this kind']);
    expect(tries).toBe(1);
  });

  test.each([
    [
      'a duplicate',
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
        ],
      },
      /\.env: duplicate entries for key \[name="A"\]$/,
    ],
    ['a bad quantity', { resources: { limits: { cpu: '1x' } } }, /^a quantity is not one/],
    ['a number for a text', { env: [{ name: 'A', value: 5 }] }, /\.env\[name="A"\]\.value: expected string, got a number: 5$/],
    ['a text for a number', { ports: [{ containerPort: 'http' }] }, /containerPort: expected numeric/],
  ])('is told with %s', async (_what, container, message) => {
    const [fault] = await faults(deployments, deployment('wrong', container));
    expect(fault).toMatchObject({ reason: 'ObjectRefused', message: expect.stringMatching(message) });
    expect(tries).toBe(1);
  });

  test('of a CRD is told as well', async () => {
    const group = 'faults.example.com';
    const properties = {
      spec: {
        type: 'object',
        required: ['size'],
        properties: {
          size: { type: 'integer' },
          class: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'class is immutable' }] },
        },
      },
    };
    const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties } } }];
    const spec = { group, names: { kind: 'Widget', plural: 'widgets' }, scope: 'Namespaced', versions };
    await createObject(
      client,
      crds,
      { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `widgets.${group}` }, spec },
      { signal },
    );
    const widgets: Resource = { ...configMaps, group, version: 'v1', kind: 'Widget', plural: 'widgets' };
    const widget = (fields: object): KubeObject => ({
      apiVersion: `${group}/v1`,
      kind: 'Widget',
      metadata: { namespace, name: 'w' },
      spec: fields,
    });
    await waitFor('the kind is served', async () => (await faults(widgets, widget({ size: 1, class: 'a' }))).length === 0);
    expect(short(await faults(widgets, widget({ class: 'a' }), { fieldManager: 'another' }))).toEqual([]);
    expect(short(await faults(widgets, { ...widget({}), metadata: { namespace, name: 'w2' } }))).toEqual([
      ['ObjectRefused', 'spec.size: Required value'],
    ]);
    expect(short(await faults(widgets, widget({ size: 1, class: 'b' })))).toEqual([
      ['ImmutableField', 'spec.class: Invalid value: "b": class is immutable'],
    ]);
  });

  test('that is too large is told', async () => {
    const [tooLong] = await faults(configMaps, configMap(namespace, 'big', { a: 'x'.repeat(1_500_000) }));
    expect(tooLong).toMatchObject({ reason: 'ObjectRefused', message: 'Too long: may not be more than 1048576 bytes' });
    const [tooLarge] = await faults(configMaps, configMap(namespace, 'big', { a: 'x'.repeat(4_000_000) }));
    expect(tooLarge).toMatchObject({ reason: 'ObjectRefused', message: expect.stringMatching(/limit is 3145728/) });
  });
});

describe('an immutable field', () => {
  const service = (clusterIP?: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name: 'service' },
    spec: { ports: [{ port: 80 }], ...(clusterIP === undefined ? {} : { clusterIP }) },
  });
  const claim = (mode: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { namespace, name: 'claim' },
    spec: { accessModes: [mode], resources: { requests: { storage: '1Gi' } } },
  });
  const claims: Resource = { ...configMaps, kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims' };
  const frozen = (value: string): KubeObject => ({ ...configMap(namespace, 'frozen', { a: value }), immutable: true });

  test.each([
    [
      'a Deployment’s selector',
      deployments,
      () => deployment('web'),
      () => deployment('web', {}, {}, { c: 'd' }),
      /^spec.selector: Invalid value: .*field is immutable$/,
    ],
    ['a Job’s template', jobs, () => job('b'), () => job('c'), /^spec.template: Invalid value: field is immutable$/],
    ['a Service’s address', services, () => service(), () => service('10.0.99.99'), /^spec.clusterIPs\[0\]: .*may not change once set$/],
    [
      'a claim’s access mode',
      claims,
      () => claim('ReadWriteOnce'),
      () => claim('ReadWriteMany'),
      /^spec: Forbidden: spec is immutable after creation[^@]*$/,
    ],
    ['frozen data', configMaps, () => frozen('1'), () => frozen('2'), /^data: Forbidden: field is immutable when/],
    [
      'a Secret’s type',
      secrets,
      () => secretObject('typed', { type: 'Opaque' }),
      () => secretObject('typed', { type: 'a/b' }),
      /^type: field is immutable$/,
    ],
  ])('like %s is told as such', async (_what, resource, before, after, message) => {
    expect(await faults(resource, before())).toEqual([]);
    const told = await faults(resource, after());
    expect(told.length).toBeGreaterThan(0);
    for (const fault of told) expect(fault.reason).toBe('ImmutableField');
    expect(told[0]?.message).toMatch(message);
  });
});

describe('of a Secret no value is told', () => {
  const value = 'Z2VoZWlt-hunter2';
  test.each([
    ['bad base64', { data: { a: value } }],
    ['a number', { data: { a: 47114711 } }],
    ['a number in stringData', { stringData: { a: 47114711 } }],
    ['a map', { data: { a: { b: value } } }],
    ['a list', { data: { a: [value] } }],
    ['an unknown field', { nonsense: value }],
    ['a bad key', { data: { 'a b': 'YQ==' } }],
    ['too much of it', { data: { a: Buffer.from(value.repeat(100_000)).toString('base64') } }],
  ])('with %s', async (_what, fields) => {
    const told = await faults(secrets, secretObject('db', fields));
    expect(told.length).toBeGreaterThan(0);
    expect(told[0]?.reason).toBe('ObjectRefused');
    expect(JSON.stringify(told)).not.toMatch(/hunter2|4711|Z2Vo/);
  });
});

describe('where it goes', () => {
  test('a namespace that is not there is named', async () => {
    const told = await faults(configMaps, configMap('nowhere', 'a'), { dryRun: true });
    expect(short(told)).toEqual([['NamespaceNotFound', 'namespace nowhere does not exist']]);
  });

  test('a namespace that is being deleted is told as such', async () => {
    const going = await cluster().namespace('going');
    const held = configMap(going, 'held');
    await createObject(client, configMaps, { ...held, metadata: { ...held.metadata, finalizers: ['example.com/hold'] } }, { signal });
    await deleteObject(client, namespaces, { name: going }, { signal });
    const told = await waitFor('it is being deleted', async () => {
      const seen = await faults(configMaps, configMap(going, 'late'));
      return seen.length > 0 && seen;
    });
    expect(short(told)).toEqual([['NamespaceTerminating', 'its namespace is being deleted']]);
    await cluster().request.ok('PATCH', `/api/v1/namespaces/${going}/configmaps/held`, { body: { metadata: { finalizers: null } } });
  });

  test('an unknown kind is told, of a known group and of an unknown one', async () => {
    for (const group of ['apps', 'none.example.com']) {
      const resource = { ...deployments, group, kind: 'Deploymnet', plural: 'deploymnets' };
      const object = { apiVersion: `${group}/v1`, kind: 'Deploymnet', metadata: { namespace, name: 'a' } };
      expect(short(await faults(resource, object))).toEqual([['UnknownKind', 'the API server does not serve this kind']]);
    }
  });

  test('another object of that name is a conflict, and none as well', async () => {
    const withUid = {
      ...configMap(namespace, 'replaced'),
      metadata: { namespace, name: 'replaced', uid: '8f1e3f0c-0000-4000-8000-000000000000' },
    };
    expect((await faults(configMaps, withUid))[0]?.reason).toBe('Conflict');
    expect(await faults(configMaps, configMap(namespace, 'replaced'))).toEqual([]);
    expect((await faults(configMaps, withUid))[0]?.reason).toBe('Conflict');
  });
});

describe('who may', () => {
  test('an account without the right is told with verb and kind', async () => {
    const as = await cluster().account(namespace, 'nobody');
    const [fault] = await faults(configMaps, configMap(namespace, 'a'), { as });
    expect(fault).toMatchObject({ reason: 'Forbidden', message: expect.stringContaining('cannot patch resource "configmaps"') });
  });

  test('an account that may, but not grant, is told as well', async () => {
    const as = await cluster().account(namespace, 'editor', { clusterRole: 'admin' });
    const roles: Resource = { ...configMaps, group: 'rbac.authorization.k8s.io', kind: 'Role', plural: 'roles' };
    const rules = [{ apiGroups: [''], resources: ['nodes'], verbs: ['delete'] }];
    const role: KubeObject = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { namespace, name: 'more' }, rules };
    const [fault] = await waitFor('the binding is known', async () => {
      const told = await faults(roles, role, { as });
      return !told[0]?.message.includes('cannot') && told;
    });
    expect(fault).toMatchObject({ reason: 'Forbidden', message: expect.stringContaining('attempting to grant RBAC permissions') });
  });

  test('an operator that may not impersonate is told as the operator', async () => {
    const user = await cluster().addUser({ name: 'nobody' });
    const nobody = clientOf(credentialsOf(user));
    closing.push(() => nobody.close());
    const as = `system:serviceaccount:${namespace}:default`;
    const refused = await applyObject(nobody, configMaps, configMap(namespace, 'a'), { signal, as }).catch((error: unknown) => error);
    const about = { object: 'ConfigMap a', isSecret: false, verb: 'apply', as };
    const message = `the operator may not impersonate ServiceAccount ${namespace}/default, as which this source acts`;
    expect(describeApiError(refused, about)).toMatchObject([{ reason: 'OperatorForbidden', message }]);
  });

  test('what PodSecurity refuses is a fault of the object', async () => {
    const strict = await cluster().namespace('strict');
    await cluster().request.ok('PATCH', `/api/v1/namespaces/${strict}`, {
      body: { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
    });
    const pods: Resource = { ...configMaps, kind: 'Pod', plural: 'pods' };
    const pod: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: strict, name: 'p' },
      spec: { containers: [{ name: 'a', image: 'b' }] },
    };
    const [fault] = await waitFor('the label is known', async () => {
      const told = await faults(pods, pod, { dryRun: true });
      return told.length > 0 && told;
    });
    expect(fault).toMatchObject({ reason: 'ObjectRefused', message: expect.stringContaining('violates PodSecurity') });
  });
});

describe('an admission webhook', () => {
  /** Registrations take a moment to be known. */
  const untilRefused = (object: KubeObject, options: Omit<ApplyOptions, 'signal'> = {}) =>
    waitFor('the webhook is known', async () => {
      const told = await faults(object.kind === 'Secret' ? secrets : configMaps, object, options);
      return told.length > 0 && told;
    });

  test('that is down is named, and not asked many times', async () => {
    const own = await cluster().namespace('webhook-down');
    await register(cluster(), own, 'down', { url: 'https://127.0.0.1:1/' });
    const [fault] = await untilRefused(configMap(own, 'a'));
    expect(fault).toMatchObject({
      reason: 'WebhookUnavailable',
      message: expect.stringContaining('admission webhook down.example.com does not answer'),
    });
    expect(tries).toBe(2);
  });

  test('that refuses dry runs is named', async () => {
    const own = await cluster().namespace('webhook-dry');
    const webhook = await startWebhook(cluster(), own, 'dry', ({ dryRun }) =>
      dryRun === true ? { message: 'dry run is not supported' } : undefined,
    );
    closing.push(() => webhook.close());
    const [fault] = await untilRefused(configMap(own, 'a'), { dryRun: true });
    expect(fault).toMatchObject({ reason: 'WebhookRefusesDryRun', message: expect.stringContaining('dry.example.com') });
    expect(await faults(configMaps, configMap(own, 'a'))).toEqual([]);
  });

  test.each([undefined, 400, 403, 404, 409, 422, 500])('that denies with code %s is told as a refusal', async (code) => {
    const own = await cluster().namespace('webhook-denies');
    const denial = { message: 'no latest', ...(code === undefined ? {} : { code }) };
    const webhook = await startWebhook(cluster(), own, `denies-${code}`, () => denial);
    closing.push(() => webhook.close());
    expect(short(await untilRefused(configMap(own, 'a')))).toEqual([
      ['ObjectRefused', `admission webhook "denies-${code}.example.com" denied the request: no latest`],
    ]);
  });

  test('that quotes a Secret is not quoted', async () => {
    const own = await cluster().namespace('webhook-quotes');
    const webhook = await startWebhook(cluster(), own, 'quotes', () => ({ message: 'hunter2 is too weak' }));
    closing.push(() => webhook.close());
    const object = { ...secretObject('db', { data: { a: 'aHVudGVyMg==' } }), metadata: { namespace: own, name: 'db' } };
    const told = await untilRefused(object);
    expect(told).toMatchObject([{ reason: 'ObjectRefused', message: expect.stringContaining('quotes.example.com') }]);
    expect(JSON.stringify(told)).not.toContain('hunter2');
  });
});
