import { describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import type { Reason } from '../../operator/errors.ts';
import { KubeError } from '../../operator/kube/client.ts';
import type { Status, StatusCause } from '../../operator/kube/client.ts';
import { describeApiError, ownRequestError } from '../../operator/kube/faults.ts';
import { manifestFaults } from '../../operator/kube/manifest-fault.ts';

const subject = { object: 'Deployment shop/web', isSecret: false, verb: 'apply', as: 'system:serviceaccount:shop:deployer' };
const secret = { ...subject, object: 'Secret shop/db', isSecret: true };

function answer(code: number, reason: string | undefined, message: string, more: Partial<Status> = {}): KubeError {
  return new KubeError(code, { kind: 'Status', status: 'Failure', code, message, ...(reason === undefined ? {} : { reason }), ...more });
}

function invalid(...causes: StatusCause[]): KubeError {
  const message = `Deployment.apps "web" is invalid: ${causes.map((cause) => `${cause.field}: ${cause.message}`).join(', ')}`;
  return answer(422, 'Invalid', message, { details: { name: 'web', kind: 'Deployment', causes } });
}

function told(error: unknown, about = subject): readonly (readonly [Reason, string])[] {
  return describeApiError(error, about).map((fault) => [fault.reason, fault.message] as const);
}

describe('what the API server answers', () => {
  const table: readonly [string, unknown, readonly (readonly [Reason, string])[]][] = [
    [
      'invalid fields, all of them',
      invalid(
        { reason: 'FieldValueRequired', field: 'spec.template.spec.containers[0].image', message: 'Required value' },
        { reason: 'FieldValueNotSupported', field: 'spec.x', message: 'Unsupported value: "a": supported values: "b"' },
        { reason: 'FieldValueInvalid', field: '<nil>', message: 'Invalid value: null: some validation rules were not checked' },
      ),
      [
        ['ObjectRefused', 'spec.template.spec.containers[0].image: Required value'],
        ['ObjectRefused', 'spec.x: Unsupported value: "a": supported values: "b"'],
      ],
    ],
    ['a 422 without causes', answer(422, 'Invalid', 'no'), [['ObjectRefused', 'no']]],
    [
      'a cause without a field',
      answer(422, 'Invalid', 'x', {
        details: { causes: [{ message: "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no" }] },
      }),
      [['ObjectRefused', "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"]],
    ],
    [
      'another uid',
      invalid({ reason: 'FieldValueInvalid', field: 'metadata.uid', message: 'Invalid value: "a": field is immutable' }),
      [['Conflict', 'was replaced by another one meanwhile']],
    ],
    ['a conflict', answer(409, 'Conflict', 'Operation cannot be fulfilled'), [['Conflict', 'was changed or replaced meanwhile']]],
    [
      'an object that is gone',
      answer(404, 'NotFound', 'x', { details: { name: 'web', kind: 'deployments' } }),
      [['Conflict', 'is no longer there']],
    ],
    [
      'a namespace that is not there',
      answer(404, 'NotFound', 'x', { details: { name: 'shop', kind: 'namespaces' } }),
      [['NamespaceNotFound', 'namespace shop does not exist']],
    ],
    [
      'an unknown group',
      new KubeError(404, { message: '404 page not found' }),
      [['UnknownKind', 'the API server does not serve this kind']],
    ],
    [
      'an unknown kind of a known group',
      answer(404, 'NotFound', 'the server could not find the requested resource', { details: {} }),
      [['UnknownKind', 'the API server does not serve this kind']],
    ],
    [
      'a namespace that is being deleted',
      answer(403, 'Forbidden', 'x', {
        details: { causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace', message: 'y' }] },
      }),
      [['NamespaceTerminating', 'its namespace is being deleted']],
    ],
    [
      'a right that the account lacks',
      answer(
        403,
        'Forbidden',
        'deployments.apps "web" is forbidden: User "system:serviceaccount:shop:deployer" cannot patch resource "deployments"',
      ),
      [
        [
          'Forbidden',
          'deployments.apps "web" is forbidden: User "system:serviceaccount:shop:deployer" cannot patch resource "deployments"',
        ],
      ],
    ],
    [
      'a right to impersonate that the operator lacks',
      answer(403, 'Forbidden', 'serviceaccounts "deployer" is forbidden: User "op" cannot impersonate resource "serviceaccounts"'),
      [['OperatorForbidden', 'the operator may not impersonate ServiceAccount shop/deployer, as which this source acts']],
    ],
    [
      'a quota',
      answer(403, 'Forbidden', 'pods "a" is forbidden: exceeded quota: q'),
      [['ObjectRefused', 'pods "a" is forbidden: exceeded quota: q']],
    ],
    ['too large a request', answer(413, 'RequestEntityTooLarge', 'limit is 3145728'), [['ObjectRefused', 'limit is 3145728']]],
    ['a bad request', answer(400, 'BadRequest', 'the name does not match'), [['ObjectRefused', 'the name does not match']]],
    [
      'credentials that it does not accept',
      answer(401, 'Unauthorized', 'Unauthorized'),
      [['OperatorForbidden', "the API server does not accept the operator's credentials"]],
    ],
    [
      'a webhook that is down',
      answer(500, 'InternalError', 'x', { details: { causes: [{ message: 'failed calling webhook "a.b": refused' }] } }),
      [['WebhookUnavailable', 'admission webhook a.b does not answer: x']],
    ],
    [
      'a webhook that denies',
      answer(403, 'Forbidden', 'admission webhook "a.b" denied the request: no latest'),
      [['ObjectRefused', 'admission webhook "a.b" denied the request: no latest']],
    ],
    [
      'a webhook that denies with a code of its own',
      answer(409, undefined, 'admission webhook "a.b" denied the request: no'),
      [['ObjectRefused', 'admission webhook "a.b" denied the request: no']],
    ],
    [
      'a webhook with side effects',
      answer(400, 'BadRequest', 'admission webhook "a.b" does not support dry run'),
      [['WebhookRefusesDryRun', 'admission webhook a.b does not take part in a dry run, so it cannot be tried out']],
    ],
    [
      'a webhook that denies dry runs',
      answer(403, 'Forbidden', 'admission webhook "a.b" denied the request: dry-run is not supported'),
      [['WebhookRefusesDryRun', 'admission webhook a.b does not take part in a dry run, so it cannot be tried out']],
    ],
    ['an error of its own', answer(500, 'InternalError', 'oops'), [['ApiServerUnavailable', 'the API server answered 500: oops']]],
    [
      'an error of etcd',
      answer(500, undefined, 'etcdserver: leader changed'),
      [['ApiServerUnavailable', 'the API server answered 500: etcdserver: leader changed']],
    ],
    [
      'an object too large for etcd',
      answer(500, undefined, 'etcdserver: request is too large'),
      [['ObjectRefused', 'is too large for the API server to store']],
    ],
    [
      'too many requests',
      answer(429, 'TooManyRequests', 'slow down'),
      [['ApiServerUnavailable', 'the API server answered 429: slow down']],
    ],
    ['a page of a proxy', new KubeError(502, { message: '<html>' }), [['ApiServerUnavailable', 'the API server answered 502: <html>']]],
    ['nothing, unreachable', new KubeError(0, { reason: 'NotSent' }), [['ApiServerUnavailable', 'the API server cannot be reached']]],
    ['nothing, cut', new KubeError(0, { reason: 'Cut' }), [['ApiServerUnavailable', 'the connection to the API server was cut']]],
    [
      'nothing, in time',
      new KubeError(0, { reason: 'Timeout', message: 'no answer within 30 s' }),
      [['ApiServerUnavailable', 'the API server gave no answer within 30 s']],
    ],
    [
      'nothing, untrusted',
      new KubeError(0, { reason: 'Untrusted' }),
      [['ApiServerUnavailable', "the API server's certificate is not trusted"]],
    ],
    ['something else', new TypeError('x is not a function'), [['InternalError', 'x is not a function']]],
  ];
  test.each(table)('%s', (_what, error, expected) => {
    expect(told(error)).toEqual(expected);
  });

  test('keeps object and place, and what was told already stays as it is', () => {
    const place = { file: 'prod/web.yaml', line: 14 };
    const faults = describeApiError(answer(409, 'Conflict', ''), { ...subject, place });
    expect(faults).toEqual([{ reason: 'Conflict', object: 'Deployment shop/web', place, message: 'was changed or replaced meanwhile' }]);
    expect(describeApiError(new PlumblineError(faults), subject)).toEqual(faults);
  });

  test('without impersonation, what is forbidden is forbidden to the operator', () => {
    const error = answer(403, 'Forbidden', 'x is forbidden: User "op" cannot patch resource "x"');
    expect(told(error, { ...subject, as: undefined as unknown as string })[0]?.[0]).toBe('OperatorForbidden');
  });

  test('says which namespace is waited for', () => {
    const lacks = { group: '', kind: 'Namespace', namespace: '', name: 'shop' };
    expect(describeApiError(answer(404, 'NotFound', 'x', { details: { name: 'shop', kind: 'namespaces' } }), subject)[0]?.lacks).toEqual(
      lacks,
    );
  });
});

test('faults come in an order that does not change, whatever that of the API server', () => {
  const causes = ['spec.c[10].image', 'spec.a', 'spec.c[9].image'].map((field) => ({
    reason: 'FieldValueRequired',
    field,
    message: 'Required value',
  }));
  expect(told(invalid(...causes)).map(([, message]) => message.split(':')[0])).toEqual(['spec.a', 'spec.c[9].image', 'spec.c[10].image']);
});

describe('an immutable field', () => {
  const dump = JSON.stringify({ Spec: { Containers: [{ Name: 'a', Image: 'x'.repeat(500), Note: 'a: b' }] } });
  test.each([
    ['Invalid value: {"matchLabels":{"app":"z"}}: field is immutable', 'FieldValueInvalid', true],
    [`Invalid value: ${dump}: field is immutable`, 'FieldValueInvalid', true],
    ['Invalid value: ["10.0.3.3"]: may not change once set', 'FieldValueInvalid', true],
    ['Forbidden: field is immutable when `immutable` is set', 'FieldValueForbidden', true],
    ['Forbidden: spec is immutable after creation except resources.requests\n@@ -1 +1 @@\n- a', 'FieldValueForbidden', true],
    ["Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden", 'FieldValueForbidden', true],
    ['Invalid value: "b": Value is immutable', 'FieldValueInvalid', true],
    ['Invalid value: "b": the class cannot be changed', 'FieldValueInvalid', true],
    ['Invalid value: "immutable: no": must be lower case', 'FieldValueInvalid', false],
    ['Required value: is immutable', 'FieldValueRequired', false],
    ['Invalid value: -1: must be greater than or equal to 0', 'FieldValueInvalid', false],
  ])('%#: told by what is said after the value', (message, reason, expected) => {
    expect(told(invalid({ reason, field: 'spec.f', message }))[0]?.[0]).toBe(expected ? 'ImmutableField' : 'ObjectRefused');
  });

  test('is told without the dump of what it was', () => {
    expect(
      told(invalid({ reason: 'FieldValueInvalid', field: 'spec.template', message: `Invalid value: ${dump}: field is immutable` })),
    ).toEqual([['ImmutableField', 'spec.template: Invalid value: field is immutable']]);
    const diff = 'Forbidden: spec is immutable\n@@ -1 +1 @@\n- a';
    expect(told(invalid({ reason: 'FieldValueForbidden', field: 'spec', message: diff }))[0]?.[1]).toBe(
      'spec: Forbidden: spec is immutable',
    );
  });
});

describe('of a Secret', () => {
  const value = 'c2VjcmV0';
  test.each([
    [
      'an invalid value',
      invalid({ reason: 'FieldValueInvalid', field: 'data[a]', message: `Invalid value: "${value}": no` }),
      'data[a]: Invalid value',
    ],
    [
      'an immutable type',
      invalid({ reason: 'FieldValueInvalid', field: 'type', message: `Invalid value: "${value}": field is immutable` }),
      'type: field is immutable',
    ],
    ['a cause of an unknown kind', invalid({ reason: 'Novel', field: 'data', message: value }), 'data: is refused'],
    ['a policy', answer(422, 'Invalid', value, { details: { causes: [{ message: value }] } }), 'is refused'],
    [
      'a wrong type',
      answer(
        500,
        undefined,
        `failed to create typed patch object (shop/db; /v1, Kind=Secret): .data.a: expected string, got &value.valueUnstructured{Value:${value}}`,
      ),
      'data.a: expected string, got another type',
    ],
    [
      'a number',
      answer(
        500,
        undefined,
        'failed to create typed patch object (shop/db; /v1, Kind=Secret): .data.a: expected string, got &value.valueUnstructured{Value:4711}',
      ),
      'data.a: expected string, got a number',
    ],
    [
      'a set’s value in the path',
      answer(
        500,
        undefined,
        `failed to create typed patch object (shop/db; /v1, Kind=Secret): .metadata.finalizers[="${value}"]: ${value}`,
      ),
      'metadata.finalizers[]: the API server cannot read it',
    ],
    [
      'bad base64',
      answer(
        500,
        undefined,
        `failed to convert new object (shop/db; /v1, Kind=Secret) to proper version: unable to convert unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data at input byte 0`,
      ),
      'a value under data is not base64',
    ],
    ['what is not recognised', answer(500, undefined, `${value} is odd`), 'the API server cannot read it'],
    [
      'a denial',
      answer(403, 'Forbidden', `admission webhook "a.b" denied the request: ${value}`),
      'admission webhook a.b denied it; what it says may quote the Secret and is not told',
    ],
    ['an admission check', answer(403, 'Forbidden', `secrets "db" is forbidden: ${value}`), 'an admission check refuses it'],
    ['a bad request', answer(400, 'BadRequest', value), 'the API server refuses the request as it is'],
    ['an outage', answer(503, 'ServiceUnavailable', value), 'the API server answered 503'],
    ['something else', new Error(value), 'cannot be handled'],
  ])('%s is told without its value', (_what, error, expected) => {
    const faults = describeApiError(error, secret);
    expect(faults.map((fault) => fault.message)).toEqual([expected]);
    expect(JSON.stringify(faults)).not.toMatch(/c2VjcmV0|4711/);
  });
});

describe('a fault of the manifest (500 without reason)', () => {
  const typed = 'failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): ';
  const converted =
    'failed to convert new object (/w; apps/v1, Kind=Deployment) to proper version: unable to convert unstructured object to apps/v1, Kind=Deployment: ';
  test.each([
    [`${typed}.spec.nonsense: field not declared in schema`, 'spec.nonsense: is no field of this kind', /indentation/],
    [
      `${typed}.spec.template.spec.containers[name="c"].env[name="A"].value: expected string, got &value.valueUnstructured{Value:5}`,
      'spec.template.spec.containers[name="c"].env[name="A"].value: expected string, got a number: 5',
      /quotes/,
    ],
    [
      `${typed}.data.a: expected string, got &value.valueUnstructured{Value:true}`,
      'data.a: expected string, got a boolean: true',
      /quotes/,
    ],
    [
      `${typed}.data.a: expected string, got &value.valueUnstructured{Value:1.5e+06}`,
      'data.a: expected string, got a number: 1.5e+06',
      /quotes/,
    ],
    [
      `${typed}.data.a: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"b":"c"}}`,
      'data.a: expected string, got a map',
      undefined,
    ],
    [
      `${typed}.spec.replicas: expected numeric (int or float), got string`,
      'spec.replicas: expected numeric (int or float), got string',
      undefined,
    ],
    [
      `${typed}.spec.template.spec.containers[name="c"].env: duplicate entries for key [name="A"]`,
      'spec.template.spec.containers[name="c"].env: duplicate entries for key [name="A"]',
      /once/,
    ],
    [`${converted}quantities must match the regular expression '^x$'`, 'a quantity is not one that Kubernetes knows', /500m/],
    [`${converted}json: something new`, 'json: something new', undefined],
    ['something new altogether', 'something new altogether', undefined],
  ])('%s', (text, message, remedy) => {
    const [fault, ...more] = manifestFaults(text, false);
    expect(more).toEqual([]);
    expect(fault?.message).toBe(message);
    if (remedy === undefined) expect(fault?.remedy).toBeUndefined();
    else expect(fault?.remedy).toMatch(remedy);
  });

  test('tells each of several once, in an order that does not change', () => {
    const lines = [
      '.x: field not declared in schema',
      '.data.a: expected string, got &value.valueUnstructured{Value:1}',
      '.x: field not declared in schema',
    ];
    expect(manifestFaults(`${typed}errors:\n  ${lines.join('\n  ')}`, false).map((fault) => fault.message)).toEqual([
      'data.a: expected string, got a number: 1',
      'x: is no field of this kind',
    ]);
  });

  test('of megabytes is read in no time', () => {
    const began = process.cpuUsage();
    manifestFaults(`${typed}.a${'[="x'.repeat(100_000)}: ${'['.repeat(100_000)}`, true);
    expect(process.cpuUsage(began).user).toBeLessThan(1_000_000);
  });
});

test('messages are one line, bounded, and free of control characters', () => {
  const [fault] = describeApiError(answer(400, 'BadRequest', `a\n\u001b[31mb\u202e${'x'.repeat(5_000)}`), subject);
  expect(fault?.message).toMatch(/^a \[31mb x+…$/);
  expect(fault?.message).toHaveLength(1_000);
});

describe('what the operator itself asked', () => {
  test.each([
    [answer(404, 'NotFound', ''), 'Conflict'],
    [answer(403, 'Forbidden', 'no'), 'OperatorForbidden'],
    [answer(503, 'ServiceUnavailable', ''), 'ApiServerUnavailable'],
    [new KubeError(0, { reason: 'Cut' }), 'ApiServerUnavailable'],
    [new Error('x'), 'InternalError'],
  ])('%#', (error, reason) => {
    expect(ownRequestError(error).reason).toBe(reason);
  });
});
