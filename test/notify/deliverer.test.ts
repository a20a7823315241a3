import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { GitOpsSource, Notification } from '../../operator/api/types.ts';
import { PlumblineError } from '../../operator/errors.ts';
import { notificationId, signatureOf } from '../../operator/notify/cloud-event.ts';
import { Deliverer } from '../../operator/notify/deliverer.ts';
import type { DelivererOptions } from '../../operator/notify/deliverer.ts';
import { createSend } from '../../operator/notify/send.ts';
import { toldAfter } from '../../operator/notify/told.ts';
import { HttpPool } from '../../operator/source/http-pool.ts';
import { waitFor } from '../controlplane/wait-for.ts';
import { type Endpoint, startEndpoint } from './endpoint.ts';
import { at, entry, first, made, uid } from './made.ts';

const token = Buffer.from('t0ken');
const secretRef = { name: 'hook' };
let endpoint: Endpoint;
let pool: HttpPool;
let deliverer: Deliverer;
let sources: Map<string, GitOpsSource>;
let results: string[];

beforeEach(async () => {
  endpoint = await startEndpoint();
  pool = new HttpPool();
  sources = new Map();
  results = [];
});
afterEach(async () => {
  await deliverer.close(100);
  await Promise.all([pool.close(), endpoint.close()]);
});

/** A deliverer over sources that are kept here as the API server keeps them. */
function start(more: Partial<DelivererOptions> = {}, deadlineMs = 2_000): void {
  deliverer = new Deliverer({
    send: createSend({ pool, proxies: {}, deadlineMs }),
    secretOf: () => Promise.resolve({ token, ca: undefined }),
    note: (key, settled, signal) => {
      if (signal.aborted) return Promise.reject(new Error('too late'));
      const source = sources.get(key);
      if (source !== undefined)
        put({ ...source, status: { ...source.status, notify: toldAfter(source.status?.notify, settled, () => false) } });
      return Promise.resolve();
    },
    onResult: (result, source, one, why) => results.push([result, source.metadata.name, one.type, why].filter(Boolean).join(' ')),
    leads: () => true,
    now: () => Date.parse(at(30)),
    random: () => 0.5,
    limits: { all: 16, perServer: 4, perNamespace: 16 },
    giveUpMs: 60_000,
    lastWordsMs: 60_000,
    noteMs: 20,
    pause: () => 10,
    ...more,
  });
}

function put(source: GitOpsSource): void {
  sources.set(`${source.metadata.namespace}/${source.metadata.name}`, source);
  deliverer.offer(source);
}

function hooked(pending: readonly Notification[], name = 'web', url = `${endpoint.url}/in`): GitOpsSource {
  const source = made({ webhook: { url, secretRef } }, { notify: { pending } });
  return { ...source, metadata: { ...source.metadata, name, uid: name === 'web' ? uid : name } };
}

const leftOf = (name = 'web') => sources.get(`shop/${name}`)?.status?.notify?.pending;
const toldOf = (name = 'web') => sources.get(`shop/${name}`)?.status?.notify?.told?.map(({ type, result }) => `${type} ${result}`);
const untilEmpty = (name = 'web') => waitFor('all is told', () => leftOf(name) === undefined);
const types = () => endpoint.received.map(({ body }) => (JSON.parse(body.toString()) as { type: string }).type.split('.').at(-1));
const three = [entry('Webhook', 'Applied'), entry('Webhook', 'Healthy', { time: at(1) }), entry('Webhook', 'Drifted', { time: at(2) })];

test('what waits is told in order, signed, once, and noted', async () => {
  start();
  put(hooked(three));
  deliverer.offer(hooked(three)); // the watch may tell of it again
  await untilEmpty();
  expect(types()).toEqual(['applied', 'healthy', 'detected']);
  for (const { headers, body } of endpoint.received) {
    expect(headers['x-signature']).toBe(signatureOf(body, token));
    expect(headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
  }
  expect(toldOf()).toEqual(['Applied Delivered', 'Healthy Delivered', 'Drifted Delivered']);
  expect(results).toEqual(['delivered web Applied', 'delivered web Healthy', 'delivered web Drifted']);
});

test('an endpoint that fails is tried again until it takes it; nothing overtakes', async () => {
  start();
  let count = 0;
  endpoint.answer = (_, response) => void response.writeHead((count += 1) <= 3 ? 503 : 200).end('secret words');
  put(hooked(three.slice(0, 2)));
  await untilEmpty();
  expect(types()).toEqual(['applied', 'applied', 'applied', 'applied', 'healthy']);
  expect(new Set(endpoint.received.slice(0, 4).map(({ body }) => body.toString())).size).toBe(1);
  const again = 'failed web Applied it answers 503';
  expect(results).toEqual([again, again, again, 'delivered web Applied', 'delivered web Healthy']);
});

test('one that refuses is given up at once, one that fails for too long after one more try', async () => {
  let now = Date.parse(at(30));
  start({ now: () => now });
  endpoint.answer = ({ path }, response) => void response.writeHead(path === '/no' ? 400 : 500).end();
  put(hooked([entry('Webhook', 'Applied')], 'web', `${endpoint.url}/no`));
  await untilEmpty();
  expect(results).toEqual(['dropped web Applied it answers 400']);
  put(hooked([entry('Webhook', 'Applied')], 'shop'));
  await waitFor('it has failed', () => results.length > 2);
  expect(leftOf('shop')).toHaveLength(1);
  now += 60_000;
  await untilEmpty('shop');
  expect(results.at(-1)).toBe('dropped shop Applied it answers 500');
  expect(toldOf('shop')).toEqual(['Applied Dropped']);
});

test('endpoints that hang hold up no other server, and only so many are asked at once', async () => {
  start({}, 60_000);
  endpoint.answer = () => {};
  const other = await startEndpoint();
  try {
    for (let index = 0; index < 30; index += 1) put(hooked(three, `hangs-${index}`));
    await waitFor('as many hang as may', () => endpoint.open.now === 4);
    put(hooked(three, 'web', other.url));
    await untilEmpty();
    expect(other.received).toHaveLength(3);
    expect(endpoint.open.most).toBe(4);
  } finally {
    await other.close();
  }
});

test('a namespace whose endpoints all hang holds up no other namespace', async () => {
  start({ limits: { all: 4, perServer: 4, perNamespace: 2 } }, 60_000);
  endpoint.answer = () => {};
  const other = await startEndpoint();
  try {
    for (let index = 0; index < 8; index += 1) put(hooked(three, `hangs-${index}`, `${endpoint.url}/${index}`));
    await waitFor('as many hang as may', () => endpoint.open.now === 2);
    const source = hooked(three, 'web', other.url);
    const elsewhere = { ...source, metadata: { ...source.metadata, namespace: 'team' } };
    put(elsewhere);
    await waitFor('all is told', () => sources.get('team/web')?.status?.notify?.pending === undefined);
    expect(other.received).toHaveLength(3);
    expect(endpoint.open.most).toBe(2);
  } finally {
    await other.close();
  }
});

test('of many sources that wait, few at a time are told all of it, so that one note says it', async () => {
  let notes = 0;
  start({
    limits: { all: 1, perServer: 1, perNamespace: 1 },
    note: (key, settled) => {
      notes += 1;
      const source = sources.get(key);
      if (source !== undefined) put({ ...source, status: { notify: toldAfter(source.status?.notify, settled, () => false) } });
      return Promise.resolve();
    },
  });
  const names = Array.from({ length: 20 }, (_, index) => `source-${index}`);
  for (const name of names) put(hooked(three, name));
  await Promise.all(names.map(untilEmpty));
  const order = endpoint.received.map(({ body }) => (JSON.parse(body.toString()) as { source: string }).source.split('/').at(-1));
  const spread = names.map((name) => order.lastIndexOf(name) - order.indexOf(name));
  expect(Math.max(...spread)).toBeLessThan(8);
  expect(notes).toBeLessThan(60);
});

test('one that hangs is tried again, and the next one of its source waits for it', async () => {
  start({}, 100);
  let count = 0;
  endpoint.answer = (_, response) => {
    if ((count += 1) > 2) response.writeHead(200).end();
  };
  put(hooked(three.slice(0, 2)));
  await untilEmpty();
  // On a machine that is busy, one that answers may be too late as well.
  expect(types().length).toBeGreaterThan(3);
  expect([new Set(types().slice(0, -1)), types().at(-1)]).toEqual([new Set(['applied']), 'healthy']);
  expect(results[0]).toBe(`failed web Applied ${endpoint.url} did not answer within 0.1 s`);
});

test('whoever leads next tells what was not noted, with the same id; what was noted it does not', async () => {
  start({ noteMs: 60_000 });
  put(hooked(three.slice(0, 2)));
  await waitFor('both are told', () => results.length >= 2);
  // The process is killed here: the status has it all still.
  deliverer.forget('shop/web');
  start();
  put(hooked(three.slice(0, 1))); // the second was noted
  await untilEmpty();
  const ids = endpoint.received.map(({ body }) => (JSON.parse(body.toString()) as { id: string }).id);
  expect(ids).toEqual([three[0], three[1], three[0]].map((one) => notificationId(uid, one ?? entry('Webhook', 'Applied'))));
});

test('what is told by the end is noted, what is not stays for the next', async () => {
  start({ noteMs: 60_000 });
  const parked: (() => void)[] = [];
  endpoint.answer = ({ body }, response) => {
    if (body.toString().includes('revision.healthy')) parked.push(() => response.end());
    else response.writeHead(200).end();
  };
  put(hooked(three));
  await waitFor('the second hangs', () => parked.length === 1);
  put(hooked(three, 'waits', `${endpoint.url}/in`));
  await waitFor('that one hangs too', () => parked.length === 2);
  await deliverer.close(200);
  expect(toldOf('waits')).toEqual(['Applied Delivered']);
  expect(toldOf()).toEqual(['Applied Delivered']);
  expect(leftOf()?.map(({ type }) => type)).toEqual(['Healthy', 'Drifted']);
  deliverer.offer(hooked(three));
  expect(endpoint.received).toHaveLength(4);
});

test('a note that cannot be written is written later; nothing is told twice meanwhile', async () => {
  let failures = 2;
  start({
    note: (key, settled) => {
      failures -= 1;
      if (failures >= 0) return Promise.reject(new Error('the API server is away'));
      const source = sources.get(key);
      if (source !== undefined) put({ ...source, status: { notify: toldAfter(source.status?.notify, settled, () => false) } });
      return Promise.resolve();
    },
  });
  put(hooked(three));
  await untilEmpty();
  expect(types()).toEqual(['applied', 'healthy', 'detected']);
});

test('a process that leads no more tells nothing', async () => {
  const asked = Promise.withResolvers<void>();
  const secretOf: DelivererOptions['secretOf'] = () => {
    asked.resolve();
    return Promise.resolve({ token, ca: undefined });
  };
  start({ leads: () => false, secretOf });
  put(hooked(three));
  await asked.promise;
  await deliverer.close(1_000);
  expect(endpoint.received).toHaveLength(0);
});

describe('a source that is deleted', () => {
  const forged = (status: GitOpsSource['status'], deletionTimestamp?: string): GitOpsSource => {
    const source = made({ commitStatus: { provider: 'GitHub', apiURL: `${endpoint.url}/api`, secretRef } }, status);
    return { ...source, metadata: { ...source.metadata, ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) } };
  };
  const pendingAtForge = { notify: { commit: { sha: first, state: 'Pending', target: 'x' } } } as const;
  const states = () => endpoint.received.map(({ body }) => (JSON.parse(body.toString()) as { state: string }).state);

  test('ends the status of a commit that is pending, once, whatever of it is seen', async () => {
    start();
    deliverer.offer(forged(pendingAtForge));
    for (let times = 0; times < 3; times += 1) deliverer.offer(forged(pendingAtForge, at(5)));
    await waitFor('it is told', () => results.length >= 1);
    deliverer.offer(forged(pendingAtForge, at(5)));
    deliverer.forget('shop/web');
    await deliverer.close(1_000);
    expect(states()).toEqual(['error']);
  });

  test('ends it also when it is gone by then, after what was on its way; another one of its name is not noted for it', async () => {
    start({ noteMs: 0 });
    const parked: (() => void)[] = [];
    endpoint.answer = (_, response) => {
      if (parked.length > 0) response.writeHead(201).end();
      else parked.push(() => response.writeHead(503).end());
    };
    const waits = { notify: { ...pendingAtForge.notify, pending: [entry('CommitStatus', 'Pending')] } };
    deliverer.offer(forged(waits));
    await waitFor('it is on its way', () => parked.length === 1);
    deliverer.offer(forged(waits, at(5)));
    deliverer.forget('shop/web');
    const other = { ...forged({}), metadata: { ...forged({}).metadata, uid: 'another' } };
    sources.set('shop/web', other);
    deliverer.offer(other);
    parked[0]?.();
    await waitFor('its end is told', () => results.includes('delivered web Failed'));
    expect(states()).toEqual(['pending', 'error']);
    await deliverer.close(100);
    expect(sources.get('shop/web')).toBe(other);
  });

  test('is told of for a while, and then no more', async () => {
    let now = Date.parse(at(30));
    start({ now: () => now });
    endpoint.answer = (_, response) => void response.writeHead(500).end();
    put(hooked(three.slice(0, 1)));
    await waitFor('it has failed', () => results.length >= 1);
    sources.delete('shop/web');
    deliverer.forget('shop/web');
    await waitFor('it is tried again', () => results.length > 2);
    now += 60_001;
    await waitFor('it is given up', () => results.at(-1) === 'dropped web Applied it answers 500');
    const count = endpoint.received.length;
    await deliverer.close(1_000);
    expect(endpoint.received).toHaveLength(count);
  });
});

describe('a Secret', () => {
  test('that is not there is waited for, and told; an edit of the spec tries at once', async () => {
    let isThere = false;
    const missing = new PlumblineError({ reason: 'SecretNotFound', message: 'Secret shop/hook does not exist' });
    start({ secretOf: () => (isThere ? Promise.resolve({ token, ca: undefined }) : Promise.reject(missing)), pause: () => 60_000 });
    put(hooked(three));
    await waitFor('it is told', () => results.length >= 1);
    expect(results).toEqual(['failed web Applied Secret shop/hook does not exist. Create the Secret; the source goes on by itself.']);
    isThere = true;
    const source = hooked(three);
    put({ ...source, metadata: { ...source.metadata, generation: 2 } });
    await untilEmpty();
    expect(endpoint.received).toHaveLength(3);
  });

  test('never shows, even where the forge echoes it', async () => {
    start();
    const said = { 'content-type': 'application/json' };
    endpoint.answer = (_, response) => void response.writeHead(422, said).end('{"message":"bad token t0ken"}');
    const commitStatus = { provider: 'GitHub', apiURL: endpoint.url, secretRef } as const;
    put(made({ commitStatus }, { notify: { pending: [entry('CommitStatus', 'Pending')] } }));
    await untilEmpty();
    expect(results).toEqual(['dropped web Pending it answers 422: bad token ***']);
    expect(endpoint.received[0]?.headers.authorization).toBe('Bearer t0ken');
  });
});

test('a repository that the forge cannot have is given up at once', async () => {
  start();
  const commitStatus = { provider: 'GitHub', apiURL: endpoint.url, secretRef } as const;
  put(made({ commitStatus }, { notify: { pending: [entry('CommitStatus', 'Pending')] } }, 'https://git.example.com/deployer.git'));
  await untilEmpty();
  expect(results).toEqual([expect.stringContaining('dropped web Pending spec.url names no repository of GitHub')]);
  expect(endpoint.received).toEqual([]);
});

test('sources that follow the same commit each tell of themselves', async () => {
  start();
  const commitStatus = { provider: 'Gitea', apiURL: endpoint.url, secretRef } as const;
  const one = made({ commitStatus }, { notify: { pending: [entry('CommitStatus', 'Healthy')] } });
  put(one);
  put({ ...one, metadata: { ...one.metadata, name: 'other', uid: 'ffffffff-1' } });
  await untilEmpty();
  await untilEmpty('other');
  const contexts = endpoint.received.map(({ body }) => (JSON.parse(body.toString()) as { context: string }).context);
  expect(contexts.toSorted()).toEqual(['plumbline/shop/other@ffffffff', `plumbline/shop/web@${uid.slice(0, 8)}`]);
});
