/** Manifests as people write them, of many kinds, and of a CRD with every type of list and map: what random edits are made to. */
import type { Json } from '../../controlplane/request.ts';

/** `example.com/v1`, kind Everything; v2 has the same fields. */
export function everythingCrd(group: string): Json {
  const text = { type: 'string' };
  const pair = { type: 'object', required: ['name'], properties: { name: text, value: text, size: { type: 'integer', default: 1 } } };
  const spec = {
    type: 'object',
    properties: {
      text,
      number: { type: 'integer' },
      flag: { type: 'boolean', default: true },
      free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      either: { 'x-kubernetes-int-or-string': true },
      nullable: { type: 'string', nullable: true },
      granularMap: { type: 'object', additionalProperties: text, 'x-kubernetes-map-type': 'granular' },
      atomicMap: { type: 'object', additionalProperties: text, 'x-kubernetes-map-type': 'atomic' },
      atomicStruct: { type: 'object', properties: { a: text, b: text }, 'x-kubernetes-map-type': 'atomic' },
      struct: { type: 'object', properties: { a: text, b: { type: 'object', properties: { c: text, d: text } } } },
      atomicList: { type: 'array', items: text, 'x-kubernetes-list-type': 'atomic' },
      atomicPairs: { type: 'array', items: pair, 'x-kubernetes-list-type': 'atomic' },
      plainList: { type: 'array', items: pair },
      set: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
      numbers: { type: 'array', items: { type: 'integer' }, 'x-kubernetes-list-type': 'set' },
      byName: { type: 'array', items: pair, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
      byTwo: {
        type: 'array',
        items: {
          type: 'object',
          required: ['port'],
          properties: { port: { type: 'integer' }, protocol: { ...text, default: 'TCP' }, note: text },
        },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['port', 'protocol'],
      },
      nested: {
        type: 'array',
        items: {
          type: 'object',
          required: ['id'],
          properties: {
            id: text,
            tags: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
            inner: { type: 'array', items: pair, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
          },
        },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['id'],
      },
    },
  };
  const schema = {
    openAPIV3Schema: { type: 'object', properties: { spec, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } },
  };
  const version = (name: string, storage: boolean) => ({ name, served: true, storage, schema, subresources: { status: {} } });
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `everythings.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'everythings', singular: 'everything', kind: 'Everything' },
      versions: [version('v1', true), version('v2', false)],
    },
  };
}

function everything(version: string, name: string, group: string): Json {
  return {
    apiVersion: `${group}/${version}`,
    kind: 'Everything',
    metadata: { name, labels: { app: 'x' }, finalizers: ['example.com/a', 'example.com/b'] },
    spec: {
      text: 'a',
      number: 3,
      free: { a: 1, b: { c: 'x', d: [1, 2] }, e: {} },
      either: 80,
      granularMap: { a: '1', b: '2' },
      atomicMap: { a: '1', b: '2' },
      atomicStruct: { a: '1', b: '2' },
      struct: { a: '1', b: { c: '2', d: '3' } },
      atomicList: ['a', 'b', 'c'],
      atomicPairs: [{ name: 'a', value: '1' }],
      plainList: [{ name: 'a' }, { name: 'b', value: 'x' }],
      set: ['a', 'b', 'c'],
      numbers: [1, 2],
      byName: [{ name: 'a', value: '1' }, { name: 'b' }, { name: 'c', size: 4 }],
      byTwo: [{ port: 80, note: 'x' }, { port: 80, protocol: 'UDP' }, { port: 443 }],
      nested: [
        { id: 'one', tags: ['x', 'y'], inner: [{ name: 'a', value: '1' }, { name: 'b' }] },
        { id: 'two', tags: [], inner: [] },
      ],
    },
  };
}

const labels = { app: 'web', 'app.kubernetes.io/part-of': 'shop' };

function podSpec(): Json {
  return {
    serviceAccountName: 'web',
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ key: 'a', operator: 'Exists' }],
    initContainers: [
      { name: 'first', image: 'i:1' },
      { name: 'second', image: 'i:2', args: ['a'] },
    ],
    containers: [
      {
        name: 'web',
        image: 'web:1',
        args: ['--a', '--b'],
        env: [
          { name: 'A', value: '1' },
          { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'C', valueFrom: { configMapKeyRef: { name: 'conf', key: 'k' } } },
        ],
        ports: [{ containerPort: 53 }, { containerPort: 53, protocol: 'UDP', name: 'dns' }, { containerPort: 80, name: 'http' }],
        resources: { requests: { cpu: '0.5', memory: '1024Mi' }, limits: { memory: '2Gi' } },
        readinessProbe: { httpGet: { path: '/', port: 80 } },
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
        securityContext: {},
      },
      { name: 'helper', image: 'helper:1', env: [] },
    ],
    volumes: [
      { name: 'tmp', emptyDir: {} },
      { name: 'conf', configMap: { name: 'conf', items: [{ key: 'k', path: 'p' }] } },
    ],
  };
}

function workload(kind: string, spec: Json): Json {
  const template = { metadata: { labels: { app: 'web' }, annotations: { note: 'x' } }, spec: podSpec() };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'web', labels },
    spec: { selector: { matchLabels: { app: 'web' } }, template, ...spec },
  };
}

/** One manifest of each kind; the CRD's in both versions. */
export function manifests(group: string): readonly Json[] {
  const metadata = { name: 'web', labels };
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'conf', labels },
      data: { a: '1', 'b.txt': 'two\nlines' },
      binaryData: { c: 'AAEC' },
    },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' }, type: 'Opaque', data: { a: 'MQ==', 'tls.crt': 'eA==' } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'empty' }, data: {} },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        selector: { app: 'web' },
        ports: [
          { port: 53, name: 'tcp' },
          { port: 53, protocol: 'UDP', name: 'udp' },
          { port: 80, targetPort: 'http', name: 'http' },
        ],
      },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, imagePullSecrets: [{ name: 'a' }, { name: 'b' }] },
    workload('Deployment', { replicas: 1, strategy: { rollingUpdate: { maxSurge: 1 } } }),
    workload('StatefulSet', { replicas: 0, serviceName: 'web' }),
    workload('DaemonSet', {}),
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata,
      spec: {
        schedule: '0 0 1 1 *',
        suspend: true,
        jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'a:1' }] } } } },
      },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata,
      spec: {
        rules: [
          {
            host: 'a.example.com',
            http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }] },
          },
          {
            host: 'b.example.com',
            http: { paths: [{ path: '/x', pathType: 'Exact', backend: { service: { name: 'web', port: { name: 'http' } } } }] },
          },
        ],
        tls: [{ hosts: ['a.example.com'], secretName: 'keys' }],
      },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata,
      spec: {
        podSelector: {},
        ingress: [{ from: [{ podSelector: { matchLabels: { app: 'x' } } }], ports: [{ port: 80 }] }],
        policyTypes: ['Ingress'],
      },
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata,
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'web' },
      subjects: [{ kind: 'ServiceAccount', name: 'web', namespace: 'x' }],
    },
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata,
      spec: {
        minReplicas: 1,
        maxReplicas: 3,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
    },
    {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata,
      spec: { limits: [{ type: 'Container', default: { cpu: '1000m', memory: '512Mi' } }] },
    },
    everything('v1', 'one', group),
    everything('v2', 'two', group),
  ];
}
