/** What the API server makes of a GitOpsSource: which it refuses and in which words, and what it fills in. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readCrd, schemaOf } from '../../crds/schema.ts';
import type { Schema } from '../../crds/schema.ts';
import { useCluster } from '../e2e/cluster.ts';

const url = 'https://git.example.com/acme/deployer.git';
const sha1 = '4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d';
const x = (count: number): string => 'x'.repeat(count);

const cluster = useCluster();
let namespace: string;
let sources: string;

beforeAll(async () => {
  namespace = await cluster().namespace('crd');
  sources = `/apis/plumbline.dev/v1/namespaces/${namespace}/gitopssources`;
});

interface Refusal {
  readonly field: string;
  readonly message: string;
}

/** What the API server says to a source, without keeping it. */
async function ask(
  spec: unknown,
  name = 'shop',
): Promise<{ readonly status: number; readonly refusals: readonly Refusal[]; readonly text: string }> {
  const body = { apiVersion: 'plumbline.dev/v1', kind: 'GitOpsSource', metadata: { name }, spec };
  const answer = await cluster().request.raw('POST', `${sources}?dryRun=All&fieldValidation=Strict`, { body });
  const causes: readonly Refusal[] = answer.body.details?.causes ?? [];
  return { status: answer.status, refusals: causes, text: JSON.stringify(answer.body) };
}

test('the API server takes the CRD as it is', async () => {
  const crd = await cluster().request.ok('GET', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gitopssources.plumbline.dev');
  const conditions = Object.fromEntries(crd.status.conditions.map(({ type, status }: { type: string; status: string }) => [type, status]));
  expect(conditions).toEqual({ NamesAccepted: 'True', Established: 'True' });
  expect(crd.spec.versions[0].schema).toEqual({ openAPIV3Schema: schemaOf(readCrd()) });
});

const says = {
  credentials: 'must hold no user name or password',
  password: 'must hold no password',
  scheme: 'must begin with https://, http:// or ssh://',
  noUrl: 'is no URL; write it like https://',
  oneRef: 'must state exactly one of branch, tag, semver, commit and name',
  commit: 'must be a full commit id of 40',
  fullRef: 'must be the full name of a ref',
  secret: 'must be the name of a Secret in the same namespace',
  account: 'must be the name of a service account in the same namespace',
  namespace: 'must be the name of a namespace',
  duration: 'is no duration; write it like',
};

const secretRef = { name: 'token' };
const forge = (more: object) => ({ notify: { commitStatus: { provider: 'GitLab', secretRef, ...more } } });
const hook = (more: object) => ({ notify: { webhook: { url: 'https://hooks.example.com/in', secretRef, ...more } } });

/** What is bad, the spec, where it is told, and how. */
const refused: readonly (readonly [string, Record<string, unknown>, string, string])[] = [
  ['no url', { url: undefined }, 'spec.url', 'Required value'],
  ['an empty url', { url: '' }, 'spec.url', says.scheme],
  ['a file url', { url: 'file:///srv/deployer.git' }, 'spec.url', says.scheme],
  ['a git url', { url: 'git://git.example.com/deployer.git' }, 'spec.url', says.scheme],
  ["git's short form", { url: 'git@git.example.com:acme/deployer.git' }, 'spec.url', 'git@host:path is written ssh://git@host/path'],
  ['a scheme in capitals', { url: 'HTTPS://git.example.com/deployer.git' }, 'spec.url', says.scheme],
  ['a user and a password in an https url', { url: 'https://ada:hunter2@git.example.com/d.git' }, 'spec.url', says.credentials],
  ['a token in an https url', { url: 'https://hunter2@git.example.com/d.git' }, 'spec.url', says.credentials],
  ['a user in an http url', { url: 'http://ada@git.example.com/d.git' }, 'spec.url', 'put username and password into a Secret'],
  ['a password with an @', { url: 'https://ada:hunter2@2@git.example.com/d.git' }, 'spec.url', says.credentials],
  ['a password with a slash', { url: 'https://ada:hunter2/2@git.example.com/d.git' }, 'spec.url', says.noUrl],
  ['a password in an ssh url', { url: 'ssh://git:hunter2@git.example.com/d.git' }, 'spec.url', says.password],
  ['an empty password in an ssh url', { url: 'ssh://git:@git.example.com/d.git' }, 'spec.url', says.password],
  ['a url without host', { url: 'https:///acme/deployer.git' }, 'spec.url', says.noUrl],
  ['a port that is none', { url: 'https://git.example.com:65536/d.git' }, 'spec.url', says.noUrl],
  ['a url with a space', { url: 'https://git.example.com/a b.git' }, 'spec.url', says.noUrl],
  ['a url that is too long', { url: `https://git.example.com/${x(2048)}` }, 'spec.url', 'Too long'],

  ['an empty ref', { ref: {} }, 'spec.ref', says.oneRef],
  ['two refs', { ref: { branch: 'main', tag: 'v1' } }, 'spec.ref', says.oneRef],
  ['five refs', { ref: { branch: 'main', tag: 'v1', semver: '1.x', commit: sha1, name: 'refs/heads/main' } }, 'spec.ref', says.oneRef],
  ['an empty branch', { ref: { branch: '' } }, 'spec.ref.branch', 'must not be empty; name a branch'],
  ['a branch by its full name', { ref: { branch: 'refs/heads/main' } }, 'spec.ref.branch', 'a full ref is written spec.ref.name'],
  ['a branch with a space', { ref: { branch: 'my branch' } }, 'spec.ref.branch', 'no name that git allows for a branch'],
  ['a branch with a wildcard', { ref: { branch: 'release/*' } }, 'spec.ref.branch', 'no name that git allows for a branch'],
  ['a branch that looks like an option', { ref: { branch: '--upload-pack=x' } }, 'spec.ref.branch', 'no name that git allows for a branch'],
  ['a branch with two dots', { ref: { branch: 'a..b' } }, 'spec.ref.branch', 'no name that git allows for a branch'],
  ['a branch with a backslash', { ref: { branch: 'a\\b' } }, 'spec.ref.branch', 'no name that git allows for a branch'],
  ['a branch with a bracket', { ref: { branch: 'a[b' } }, 'spec.ref.branch', 'no name that git allows for a branch'],
  ['an empty tag', { ref: { tag: '' } }, 'spec.ref.tag', 'must not be empty; name a tag'],
  ['a tag by its full name', { ref: { tag: 'refs/tags/v1' } }, 'spec.ref.tag', 'a full ref is written spec.ref.name'],
  ['a range as tag', { ref: { tag: '^1.2.3' } }, 'spec.ref.tag', 'a range as spec.ref.semver'],
  ['an empty range', { ref: { semver: '' } }, 'spec.ref.semver', 'must not be empty; write a range'],
  ['an empty commit', { ref: { commit: '' } }, 'spec.ref.commit', says.commit],
  ['a short commit', { ref: { commit: '4f2a9c1' } }, 'spec.ref.commit', 'git rev-parse COMMIT prints it'],
  ['a commit in capitals', { ref: { commit: sha1.toUpperCase() } }, 'spec.ref.commit', says.commit],
  ['an empty ref name', { ref: { name: '' } }, 'spec.ref.name', says.fullRef],
  ['a short ref name', { ref: { name: 'main' } }, 'spec.ref.name', says.fullRef],

  ['an empty path', { path: '' }, 'spec.path', 'must not be empty; leave path out'],
  ['a path that climbs', { path: '../prod' }, 'spec.path', 'must not hold ..;'],
  ['a path that climbs later', { path: './a/../b' }, 'spec.path', 'must not hold ..;'],
  ['a path that ends by climbing', { path: 'a/..' }, 'spec.path', 'must not hold ..;'],
  ['an empty glob', { exclude: ['ci/**', ''] }, 'spec.exclude[1]', 'must not be empty'],
  ['an absolute glob', { exclude: ['/ci/**'] }, 'spec.exclude[0]', 'write ci/** and not /ci/**'],
  ['a glob that climbs', { exclude: ['../ci/**'] }, 'spec.exclude[0]', 'is read from spec.path on'],
  ['a negated glob', { exclude: ['!prod/**'] }, 'spec.exclude[0]', 'must not begin with an exclamation mark'],
  ['too many globs', { exclude: Array.from({ length: 65 }, (_, index) => `a${index}`) }, 'spec.exclude', 'Too many'],

  ['an empty interval', { interval: '' }, 'spec.interval', says.duration],
  ['a number as interval', { interval: '60' }, 'spec.interval', says.duration],
  ['days', { interval: '1d' }, 'spec.interval', says.duration],
  ['a negative interval', { interval: '-1m' }, 'spec.interval', says.duration],
  ['a mistyped interval', { interval: '1 m' }, 'spec.interval', says.duration],
  ['an interval of 4.9 seconds', { interval: '4.9s' }, 'spec.interval', 'must not be under 5s'],
  ['an interval of 4999 milliseconds', { interval: '4999ms' }, 'spec.interval', 'must not be under 5s'],
  ['an interval of nothing', { interval: '0s' }, 'spec.interval', 'must not be under 5s'],
  ['an interval of years', { interval: '9000h' }, 'spec.interval', 'must not be over 168h'],
  ['an empty schedule', { schedule: '' }, 'spec.schedule', 'must not be empty; write five fields'],

  ['auth without Secret', { auth: {} }, 'spec.auth.secretRef', 'Required value'],
  ['auth without the name of the Secret', { auth: { secretRef: {} } }, 'spec.auth.secretRef.name', 'Required value'],
  ['an empty Secret name', { auth: { secretRef: { name: '' } } }, 'spec.auth.secretRef.name', says.secret],
  ['a Secret of another namespace', { auth: { secretRef: { name: 'kube-system/token' } } }, 'spec.auth.secretRef.name', says.secret],
  ['verify without Secret', { verify: { mode: 'HEAD' } }, 'spec.verify.secretRef', 'Required value'],
  ['an empty Secret name in verify', { verify: { secretRef: { name: '' } } }, 'spec.verify.secretRef.name', says.secret],
  ['a mode of verify that is none', { verify: { mode: 'head', secretRef: { name: 'keys' } } }, 'spec.verify.mode', 'Unsupported value'],
  ['notify without anybody', { notify: {} }, 'spec.notify', 'must state commitStatus, webhook or both'],
  ['a forge that is none', forge({ provider: 'Bitbucket' }), 'spec.notify.commitStatus.provider', 'Unsupported value'],
  ['no forge', forge({ provider: undefined }), 'spec.notify.commitStatus.provider', 'Required value'],
  ['a forge without Secret', forge({ secretRef: undefined }), 'spec.notify.commitStatus.secretRef', 'Required value'],
  ['an empty Secret name of a forge', forge({ secretRef: { name: '' } }), 'spec.notify.commitStatus.secretRef.name', says.secret],
  ['an empty context', forge({ context: '' }), 'spec.notify.commitStatus.context', 'at least 1 chars long'],
  ['an API over ssh', forge({ apiURL: 'ssh://h/api' }), 'spec.notify.commitStatus.apiURL', 'https://git.example.com/api/v4'],
  ['a token in the API', forge({ apiURL: 'https://x@h/api' }), 'spec.notify.commitStatus.apiURL', 'put the token into a Secret'],
  [
    'an API without host',
    forge({ apiURL: 'https:///api' }),
    'spec.notify.commitStatus.apiURL',
    'is no URL; write it like https://git.example.com',
  ],
  ['a webhook without URL', hook({ url: undefined }), 'spec.notify.webhook.url', 'Required value'],
  ['a webhook without Secret', hook({ secretRef: undefined }), 'spec.notify.webhook.secretRef', 'Required value'],
  ['an empty Secret name of a webhook', hook({ secretRef: { name: '' } }), 'spec.notify.webhook.secretRef.name', says.secret],
  ['a webhook over ftp', hook({ url: 'ftp://h/in' }), 'spec.notify.webhook.url', 'write it like https://hooks.example.com/plumbline'],
  ['a password in a webhook', hook({ url: 'https://ada:hunter2@h/in' }), 'spec.notify.webhook.url', 'the signature proves the sender'],
  [
    'a webhook with a space',
    hook({ url: 'https://h/a b' }),
    'spec.notify.webhook.url',
    'is no URL; write it like https://hooks.example.com',
  ],
  ['an empty account', { serviceAccountName: '' }, 'spec.serviceAccountName', says.account],
  ['an account of another namespace', { serviceAccountName: 'kube-system:admin' }, 'spec.serviceAccountName', says.account],
  ['an empty namespace', { targetNamespace: '' }, 'spec.targetNamespace', says.namespace],
  ['a namespace in capitals', { targetNamespace: 'Shop' }, 'spec.targetNamespace', says.namespace],

  ['a deletionPolicy that is none', { deletionPolicy: 'Keep' }, 'spec.deletionPolicy', 'Unsupported value'],
  ['a drift mode that is none', { drift: { mode: 'Enforce' } }, 'spec.drift.mode', 'Unsupported value'],
  ['a drift rule for everything', { drift: { ignore: [{}] } }, 'spec.drift.ignore[0]', 'set spec.drift.mode to Ignore'],
  ['an empty kind', { drift: { ignore: [{ kind: '' }] } }, 'spec.drift.ignore[0].kind', 'leave the field out to match all'],
  ['an empty name', { drift: { ignore: [{ name: '' }] } }, 'spec.drift.ignore[0].name', 'leave the field out to match all'],
  ['an empty namespace in a rule', { drift: { ignore: [{ namespace: '' }] } }, 'spec.drift.ignore[0].namespace', 'leave the field out'],
  ['a path of dots', { drift: { ignore: [{ paths: ['spec.replicas'] }] } }, 'spec.drift.ignore[0].paths[0]', 'like /spec/replicas'],
  ['a pointer to everything', { drift: { ignore: [{ paths: ['/'] }] } }, 'spec.drift.ignore[0].paths[0]', 'must be a JSON pointer'],
  ['an empty manager', { drift: { ignore: [{ managers: [''] }] } }, 'spec.drift.ignore[0].managers[0]', 'must not be empty'],
  ['a mistyped timeout', { health: { timeout: '5 minutes' } }, 'spec.health.timeout', says.duration],
  ['a timeout of nothing', { health: { timeout: '0s' } }, 'spec.health.timeout', 'set spec.health.wait to false'],

  ['a word for a boolean', { prune: 'no' }, 'spec.prune', 'must be of type boolean'],
  ['a field that is not there', { pruning: true }, '', 'unknown field "spec.pruning"'],
];

test.each(refused)('%s is refused', async (_what, spec, field, message) => {
  const answer = await ask({ url, ...spec });
  expect([400, 422]).toContain(answer.status);
  if (field === '') expect(answer.text).toContain(JSON.stringify(message).slice(1, -1));
  else expect(answer.refusals).toContainEqual(expect.objectContaining({ field, message: expect.stringContaining(message) }));
});

test('one fault is told in one sentence', async () => {
  for (const spec of [
    { interval: 'soon' },
    { interval: '1s' },
    { ref: { branch: '' } },
    { url: 'https://ada:hunter2@git.example.com/d.git' },
  ]) {
    expect((await ask({ url, ...spec })).refusals).toHaveLength(1);
  }
});

test('several faults are all told', async () => {
  const { refusals } = await ask({ url: 'git@h:d.git', ref: {}, path: '..', interval: '1s' });
  expect(refusals.map(({ field }) => field).toSorted()).toEqual(['spec.interval', 'spec.path', 'spec.ref', 'spec.url']);
});

test('a password in a URL is not quoted back', async () => {
  const told = await ask({ url, ...hook({ url: 'https://ada:hunter2@h/in' }) });
  expect(told.text).not.toContain('hunter2');
  for (const bad of [
    'https://ada:hunter2@h/d',
    'ssh://git:hunter2@h/d',
    'https://ada:hunter2/2@h/d',
    'ada:hunter2@h:d',
    `https://ada:hunter2@h/${x(2048)}`,
  ]) {
    const { status, text } = await ask({ url: bad });
    expect(status).toBe(422);
    expect(text).not.toContain('hunter2');
  }
});

test('a name over 63 characters is refused, one of 63 is not', async () => {
  const { status, text } = await ask({ url }, x(64));
  expect(status).toBe(422);
  expect(text).toContain('metadata.name is longer than 63 characters; choose a shorter name for the source');
  expect((await ask({ url }, x(63))).status).toBe(201);
});

test('every rule of the spec has been seen to refuse', () => {
  const proven = [...refused.map(([, , , message]) => message), 'metadata.name is longer than 63'];
  const unproven = messagesOf(schemaOf(readCrd())).filter((message) => !proven.some((part) => message.includes(part)));
  expect(unproven).toEqual([]);
});

function messagesOf(schema: Schema): readonly string[] {
  return [
    ...(schema['x-kubernetes-validations'] ?? []).map(({ message }) => message),
    ...Object.values(schema.properties ?? {}).flatMap(messagesOf),
    ...(schema.items === undefined ? [] : messagesOf(schema.items)),
  ];
}

describe('is taken', () => {
  const taken: readonly (readonly [string, Record<string, unknown>])[] = [
    ['an ssh url', { url: 'ssh://git@git.example.com/acme/deployer.git' }],
    ['an ssh url with a port', { url: 'ssh://git@git.example.com:2222/acme/deployer.git' }],
    ['an http url with an address', { url: 'http://127.0.0.1:3000/deployer.git' }],
    ['a url with an IPv6 address', { url: 'http://[::1]:3000/deployer.git' }],
    ['a url with an @ in its path', { url: 'https://git.example.com/@acme/deployer.git' }],
    ['a branch with a slash', { ref: { branch: 'feature/x-1' } }],
    ['a tag', { ref: { tag: 'v1.2.3' } }],
    ['a range', { ref: { semver: '>=1.2.0 <2.0.0' } }],
    ['a commit', { ref: { commit: sha1 } }],
    ['a commit of a SHA-256 repository', { ref: { commit: 'a'.repeat(64) } }],
    ['a pull request', { ref: { name: 'refs/pull/42/head' } }],
    ['the root as path', { path: './' }],
    ['a path with dots in a name', { path: './prod..eu/.hidden' }],
    ['globs', { exclude: ['ci/**', '**/*.test.yaml', '*.md'] }],
    ['five seconds', { interval: '5s' }],
    ['a long form', { interval: '1h30m15s500ms' }],
    ['a fraction', { interval: '1.5h' }],
    ['a schedule', { schedule: 'CRON_TZ=Europe/Vienna 0 6 * * 1-5' }],
    ['auth', { auth: { secretRef: { name: 'git.credentials-1' } } }],
    ['a forge', forge({ context: 'prod/eu', apiURL: 'http://127.0.0.1:3000/api/v4' })],
    ['a webhook', hook({ url: 'https://[::1]:8443/in?team=shop' })],
    ['a drift rule for the core group', { drift: { ignore: [{ group: '', kind: 'Service', paths: ['/spec/clusterIP'] }] } }],
  ];
  test.each(taken)('%s', async (_what, spec) => {
    expect(await ask({ url, ...spec })).toEqual(expect.objectContaining({ status: 201, refusals: [] }));
  });
});

test('the defaults are filled in and shown', async () => {
  const body = { apiVersion: 'plumbline.dev/v1', kind: 'GitOpsSource', metadata: { name: 'defaults' }, spec: { url } };
  await cluster().request.ok('POST', sources, { body });
  const shown = await cluster().kubectl('-n', namespace, 'get', 'gos', 'defaults', '-o', 'json');
  expect(JSON.parse(shown).spec).toEqual({
    url,
    interval: '1m',
    prune: true,
    deletionPolicy: 'Delete',
    drift: { mode: 'Correct' },
    health: { wait: true, timeout: '5m' },
    historyLimit: 50,
    suspend: false,
  });
});

test('a part that is stated gets the defaults of the rest', async () => {
  const body = {
    apiVersion: 'plumbline.dev/v1',
    kind: 'GitOpsSource',
    metadata: { name: 'parts' },
    spec: { url, interval: null, health: { wait: false }, verify: { secretRef: { name: 'keys' } } },
  };
  const { spec } = await cluster().request.ok('POST', `${sources}?dryRun=All`, { body });
  expect(spec).toMatchObject({ interval: '1m', health: { wait: false, timeout: '5m' }, verify: { mode: 'HEAD' } });
});

test('kubectl get shows the columns, and the sentence last', async () => {
  const body = { apiVersion: 'plumbline.dev/v1', kind: 'GitOpsSource', metadata: { name: 'columns' }, spec: { url } };
  await cluster().request.ok('POST', sources, { body });
  const condition = {
    type: 'Ready',
    status: 'True',
    reason: 'Applied',
    message: 'main@4f2a9c1 is applied.',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  const status = { conditions: [condition], display: { revision: 'main@4f2a9c1', healthy: '12/12' }, objects: { total: 12, drifted: 0 } };
  await cluster().request.ok('PATCH', `${sources}/columns/status`, { body: { status } });
  const [head, row] = (await cluster().kubectl('-n', namespace, 'get', 'gos', 'columns')).trim().split('\n');
  expect(head?.split(/\s{2,}/)).toEqual(['NAME', 'READY', 'REVISION', 'HEALTHY', 'DRIFT', 'AGE', 'MESSAGE']);
  expect(row?.split(/\s{2,}/)).toEqual([
    'columns',
    'True',
    'main@4f2a9c1',
    '12/12',
    '0',
    expect.stringMatching(/^\d+s$/),
    'main@4f2a9c1 is applied.',
  ]);
});

test('a status as large as it gets is taken, one too many is not', async () => {
  const body = { apiVersion: 'plumbline.dev/v1', kind: 'GitOpsSource', metadata: { name: 'status' }, spec: { url } };
  await cluster().request.ok('POST', sources, { body });
  const time = '2026-01-01T00:00:00Z';
  const stage = { commit: sha1, time };
  const history = (count: number): unknown => Array.from({ length: count }, () => ({ ...stage, result: 'Failed', message: x(1024) }));
  const patch = async (status: unknown): Promise<number> =>
    (await cluster().request.raw('PATCH', `${sources}/status/status`, { body: { status } })).status;
  const revision = { observed: stage, attempted: stage, applied: stage, healthy: stage };
  expect(
    await patch({
      revision,
      history: history(10),
      conditions: [{ type: 'Ready', status: 'False', reason: 'X', message: x(32768), lastTransitionTime: time }],
    }),
  ).toBe(200);
  expect(await patch({ history: history(11) })).toBe(422);
});
