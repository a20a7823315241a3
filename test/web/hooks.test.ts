import { connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { GitOpsSource } from '../../operator/api/types.ts';
import type { Logger } from '../../operator/log.ts';
import { maxBodyBytes, refusalStepMs, startHookServer } from '../../operator/web/hooks.ts';
import { createReceiver } from '../../operator/web/receivers/receive.ts';
import type { ReceiverPort } from '../../operator/web/receivers/receive.ts';
import { generic, github, gitlab } from './receivers/payloads.ts';
import type { Delivery } from './receivers/payloads.ts';

const token = 'correct horse battery staple';
const url = 'https://git.example.com/acme/deployer.git';
const push = { url, ref: 'refs/heads/main', token };
const stops: AbortController[] = [];

afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

function sourceWith(spec: object, metadata: object = {}): GitOpsSource {
  const made = { apiVersion: 'plumbline.dev/v1', kind: 'GitOpsSource', metadata: { namespace: 'shop', name: 'web', ...metadata } };
  return { ...made, spec: { url, ref: { branch: 'main' }, receiver: { secretRef: { name: 'hook' } }, ...spec } } as unknown as GitOpsSource;
}

/** A hook server over sources in memory; what would ask remotes is counted. */
async function start(options: Partial<ReceiverPort> & { readonly rate?: { burst: number; everyMs: number } } = {}) {
  const stop = new AbortController();
  stops.push(stop);
  const hinted: string[] = [];
  const lines: string[] = [];
  const log = Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((level) => [
      level,
      (text: string, fields: object) => void lines.push(`${level} ${text} ${JSON.stringify(fields)}`),
    ]),
  ) as unknown as Logger;
  const { rate, ...given } = options;
  const port: ReceiverPort = {
    source: (key) => (key === 'shop/web' ? sourceWith({}) : key === 'shop/closed' ? sourceWith({ receiver: undefined }) : undefined),
    refsOf: () => [{ branch: 'main' }],
    token: () => Promise.resolve(Buffer.from(token)),
    hint: ({ metadata }) => {
      hinted.push(`${metadata.namespace}/${metadata.name}`);
      return Promise.resolve();
    },
    ...given,
  };
  const receive = createReceiver({ port, log, monotonic: () => performance.now(), ...(rate === undefined ? {} : { rate }) });
  const errors: unknown[] = [];
  const server = await startHookServer({
    address: { host: '127.0.0.1', port: 0 },
    receive,
    signal: stop.signal,
    onError: (error) => errors.push(error),
  });
  const base = `http://127.0.0.1:${server.port}`;
  return {
    base,
    port: server.port,
    hinted,
    lines,
    errors,
    async post({ headers, body }: Delivery, path = '/hooks/shop/web') {
      const answer = await fetch(`${base}${path}`, { method: 'POST', headers, body });
      return { status: answer.status, text: await answer.text(), headers: answer.headers };
    },
  };
}

describe('a webhook', () => {
  test('that is signed has the remote asked, and is answered with 202', async () => {
    const hooks = await start();
    const { status, text } = await hooks.post(github(push));
    expect([status, text, hooks.hinted]).toEqual([202, 'accepted\n', ['shop/web']]);
  });

  test.each(['grün-𝄞', 'r\u00e9sum\u00e9'])('of GitLab with the token %s, which is no ASCII, is authenticated', async (other) => {
    const hooks = await start({ token: () => Promise.resolve(Buffer.from(other)) });
    expect((await hooks.post(gitlab({ ...push, token: other }))).status).toBe(202);
    expect((await hooks.post(gitlab({ ...push, token: other.slice(1) }))).status).toBe(401);
  });

  test('that is replayed is a hint again, and no more than that', async () => {
    const hooks = await start();
    const delivery = github(push);
    for (let count = 0; count < 3; count += 1) expect((await hooks.post(delivery)).status).toBe(202);
    expect(hooks.hinted).toHaveLength(3);
  });

  test.each<[string, Delivery]>([
    ['about another ref', github({ ...push, ref: 'refs/heads/other' })],
    ['about another repository', github({ ...push, url: 'https://git.example.com/acme/other.git' })],
    ['about nothing that moves', github(push, 'ping')],
  ])('%s is accepted and asks nobody', async (_, delivery) => {
    const hooks = await start();
    expect([(await hooks.post(delivery)).status, hooks.hinted]).toEqual([202, []]);
  });

  test('that cannot be read is told so, after it was authenticated', async () => {
    const hooks = await start();
    const { headers } = generic({ ...push }, 'no json');
    const body = 'no json';
    const delivery = { headers: { 'x-github-event': 'push', 'x-hub-signature-256': headers['x-signature'] ?? '' }, body };
    expect(await hooks.post(delivery)).toMatchObject({ status: 400, text: 'the body is no JSON\n' });
    expect((await hooks.post({ headers: { 'x-github-event': 'push' }, body })).status).toBe(401);
  });

  test('that cannot be passed on is to be sent again', async () => {
    const hooks = await start({ hint: () => Promise.reject(new Error('the API server is away')) });
    const { status, headers } = await hooks.post(github(push));
    expect([status, headers.get('retry-after')]).toEqual([503, '5']);
  });

  test('over the rate of its source is refused with when to come again; who has no token uses none of it up', async () => {
    const hooks = await start({ rate: { burst: 2, everyMs: 60_000 } });
    for (let count = 0; count < 5; count += 1) void (await hooks.post(github({ ...push, token: 'wrong' })));
    const statuses = [];
    for (let count = 0; count < 4; count += 1) statuses.push((await hooks.post(github(push))).status);
    expect(statuses).toEqual([202, 202, 429, 429]);
    expect(Number((await hooks.post(github(push))).headers.get('retry-after'))).toBeGreaterThan(50);
    expect(hooks.hinted).toHaveLength(2);
  });
});

describe('who is refused', () => {
  const strangers: [string, string, Delivery][] = [
    ['a wrong token', '/hooks/shop/web', github({ ...push, token: 'wrong' })],
    ['no signature', '/hooks/shop/web', { headers: { 'x-github-event': 'push' }, body: '{}' }],
    ['no header at all', '/hooks/shop/web', { headers: {}, body: '{}' }],
    ['a source that is not there', '/hooks/shop/none', github(push)],
    ['a namespace that is not there', '/hooks/none/web', github(push)],
    ['a source without receiver', '/hooks/shop/closed', github(push)],
  ];

  test.each(strangers)('for %s gets the same answer, no sooner than all others', async (_, path, delivery) => {
    const hooks = await start();
    const from = performance.now();
    const { status, text, headers } = await hooks.post(delivery, path);
    const took = performance.now() - from;
    expect([status, text, headers.get('www-authenticate')]).toEqual([401, 'unauthorized\n', null]);
    expect(took).toBeGreaterThan(refusalStepMs - 5);
    expect(hooks.hinted).toEqual([]);
  });

  test('for a Secret that is missing, empty or slow to read gets it as well', async () => {
    const without = await start({ token: () => Promise.resolve(undefined) });
    expect((await without.post(github(push))).status).toBe(401);
    const slow = await start({ token: () => new Promise((resolve) => setTimeout(resolve, refusalStepMs / 2, undefined)) });
    const timed = async (path: string): Promise<number> => {
      const from = performance.now();
      expect((await slow.post(github(push), path)).status).toBe(401);
      return performance.now() - from;
    };
    let [known, unknown] = [Infinity, Infinity];
    // The fastest of many: a busy machine only adds. Half a step is what reading the Secret takes.
    for (let count = 0; count < 6 || (count < 100 && Math.abs(known - unknown) >= refusalStepMs * 0.4); count += 1) {
      known = Math.min(known, await timed('/hooks/shop/web'));
      unknown = Math.min(unknown, await timed('/hooks/shop/none'));
    }
    expect(Math.abs(known - unknown)).toBeLessThan(refusalStepMs * 0.4);
  });

  test('is a source that is being deleted', async () => {
    const hooks = await start({ source: () => sourceWith({}, { deletionTimestamp: '2026-11-25T20:00:00Z' }) });
    expect((await hooks.post(github(push))).status).toBe(401);
  });

  test('is told in the log: once a minute for a source that is there, without a word of token or body', async () => {
    const hooks = await start();
    for (let count = 0; count < 3; count += 1) await hooks.post(github({ ...push, token: 'wrong' }));
    await hooks.post(github(push), '/hooks/shop/none');
    const warnings = hooks.lines.filter((line) => line.startsWith('warn'));
    expect(warnings).toEqual(['warn webhook refused {"namespace":"shop","source":"web","forge":"github","why":"wrong signature"}']);
    expect(hooks.lines.join('\n')).not.toMatch(/wrong"|battery|sha256|deployer/);
  });
});

describe('what is not taken', () => {
  test.each([
    ['GET', '/hooks/shop/web', 405],
    ['PUT', '/hooks/shop/web', 405],
    ['POST', '/', 404],
    ['POST', '/hooks/shop', 404],
    ['POST', '/hooks/shop/web/x', 404],
    ['POST', '/hooks/Shop/web', 404],
    ['POST', '/hooks/shop/..%2f..%2fapi', 404],
    ['POST', '/metrics', 404],
  ])('%s %s: %i', async (method, path, status) => {
    const hooks = await start();
    const answer = await fetch(`${hooks.base}${path}`, { method, ...(method === 'GET' ? {} : { body: 'x' }) });
    expect([answer.status, answer.headers.get('allow')]).toEqual([status, status === 405 ? 'POST' : null]);
  });

  test('a body over the cap, whether it says its length or not, also for a source that is not there', async () => {
    const hooks = await start();
    const body = 'x'.repeat(maxBodyBytes + 1);
    for (const path of ['/hooks/shop/web', '/hooks/shop/none']) {
      expect((await hooks.post({ headers: {}, body }, path)).status).toBe(413);
      const stream = new ReadableStream({
        pull(controller) {
          for (let part = 0; part <= 16; part += 1) controller.enqueue(new TextEncoder().encode('x'.repeat(65_536)));
          controller.close();
        },
      });
      const answer = await fetch(`${hooks.base}${path}`, { method: 'POST', body: stream, duplex: 'half' });
      expect(answer.status).toBe(413);
    }
  });

  test('a body of just the cap is taken', async () => {
    const hooks = await start();
    expect((await hooks.post(generic(push, 'x'.repeat(maxBodyBytes)))).status).toBe(202);
  });

  test('whoever is refused keeps no connection, however many they open; who is not keeps it for a few seconds', async () => {
    const hooks = await start();
    const refused = Array.from(
      { length: 64 },
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect(hooks.port, '127.0.0.1', () =>
            socket.write('POST /none HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n'),
          );
          socket.once('error', reject);
          socket.once('end', resolve); // ended by the server; nobody else would
          socket.resume();
        }),
    );
    await Promise.all(refused);
    const answer = await hooks.post(github(push));
    expect([answer.status, answer.headers.get('keep-alive')]).toEqual([202, 'timeout=5']);
    const cut = await hooks.post({ ...github(push), body: 'forged' });
    expect([cut.status, cut.headers.get('connection')]).toEqual([401, 'close']);
  });

  test('a sender who goes away in the middle harms nobody', async () => {
    const hooks = await start();
    const socket = connect(hooks.port, '127.0.0.1');
    socket.on('error', () => {});
    await new Promise((resolve) => {
      socket.write('POST /hooks/shop/web HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf', resolve);
    });
    socket.destroy();
    expect((await hooks.post(github(push))).status).toBe(202);
    expect(hooks.errors).toEqual([]);
  });
});
