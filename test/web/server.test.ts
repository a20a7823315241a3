import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { startWebServer } from '../../operator/web/server.ts';
import type { Probe, WebServer, WebServerOptions } from '../../operator/web/server.ts';

const stops: AbortController[] = [];

async function start(
  options: Partial<WebServerOptions> = {},
): Promise<{ readonly server: WebServer; readonly url: string; readonly stop: AbortController }> {
  const stop = new AbortController();
  stops.push(stop);
  const server = await startWebServer({
    address: { host: '127.0.0.1', port: 0 },
    metrics: {
      scrape: async (accept = 'none') => ({ contentType: `text/plain; of=${accept}`, body: [Buffer.from('up'), Buffer.from(' 1\n')] }),
    },
    health: () => ({ ok: true, text: 'ok' }),
    ready: () => ({ ok: true, text: 'ok' }),
    signal: stop.signal,
    ...options,
  });
  return { server, url: `http://127.0.0.1:${server.port}`, stop };
}

afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

describe('what it answers', () => {
  test.each([
    ['GET', '/metrics', 200, 'up 1\n'],
    ['GET', '/metrics?name=x', 200, 'up 1\n'],
    ['GET', '/healthz', 200, 'ok\n'],
    ['GET', '/readyz', 200, 'ok\n'],
    ['HEAD', '/readyz', 200, ''],
    ['POST', '/metrics', 405, 'only GET and HEAD\n'],
    ['DELETE', '/healthz', 405, 'only GET and HEAD\n'],
    ['GET', '/', 404, 'not found\n'],
    ['GET', '/metrics/', 404, 'not found\n'],
    ['GET', '/metrics/../healthz%00', 404, 'not found\n'],
  ])('%s %s: %i', async (method, path, status, body) => {
    const { url } = await start();
    const response = await fetch(`${url}${path}`, { method });
    expect({ status: response.status, body: await response.text() }).toEqual({ status, body });
  });

  test('metrics come as they are asked for, whole', async () => {
    const { url } = await start();
    const { headers } = await fetch(`${url}/metrics`, { headers: { accept: 'text/x' } });
    expect([headers.get('content-type'), headers.get('content-length')]).toEqual(['text/plain; of=text/x', '5']);
  });

  test('a scrape knows whether Prometheus asks', async () => {
    const asked: boolean[] = [];
    const scrape = async (_accept: string | undefined, isPrometheus: boolean) => {
      asked.push(isPrometheus);
      return { contentType: 'text/plain', body: [] };
    };
    const { url } = await start({ metrics: { scrape } });
    const headers = { 'X-Prometheus-Scrape-Timeout-Seconds': '10' };
    await fetch(`${url}/metrics`);
    await fetch(`${url}/metrics`, { headers });
    await fetch(`${url}/metrics`, { headers, method: 'HEAD' });
    expect(asked).toEqual([false, true, false]);
  });

  test('a page of many pieces arrives in one piece, and a client that goes meanwhile harms nobody', async () => {
    const body = Array.from({ length: 200 }, () => Buffer.alloc(100_000, 'x'));
    const { server, url } = await start({ metrics: { scrape: async () => ({ contentType: 'text/plain', body }) } });
    const rude = connect(server.port, '127.0.0.1');
    rude.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(rude, 'data');
    rude.destroy();
    expect((await (await fetch(`${url}/metrics`)).text()).length).toBe(20_000_000);
  });

  test.each<[string, Probe, number]>([
    ['ready', { ok: true, text: 'ok' }, 200],
    ['ready with a broken watch, which it names', { ok: true, text: 'broken watch: metrics.k8s.io/v1beta1 PodMetrics: 503' }, 200],
    ['not ready', { ok: false, text: 'the first list of GitOpsSources is not in' }, 503],
  ])('%s', async (_, probe, status) => {
    const { url } = await start({ ready: () => probe });
    const response = await fetch(`${url}/readyz`);
    expect({ status: response.status, body: await response.text() }).toEqual({ status, body: `${probe.text}\n` });
  });

  test('a page that cannot be made is a 500 without details, and is told', async () => {
    const errors: unknown[] = [];
    const fault = new Error('token abc');
    const { url } = await start({ metrics: { scrape: () => Promise.reject(fault) }, onError: (error) => errors.push(error) });
    const response = await fetch(`${url}/metrics`);
    expect({ status: response.status, body: await response.text() }).toEqual({ status: 500, body: 'internal error\n' });
    expect(errors).toEqual([fault]);
  });
});

describe('what it does not put up with', () => {
  test('headers without end are refused', async () => {
    const { url } = await start();
    expect((await fetch(`${url}/metrics`, { headers: { 'x-long': 'x'.repeat(20_000) } })).status).toBe(431);
  });

  test('a body is never read: who sends one is answered and cut off', async () => {
    const { server } = await start();
    const sent = request({
      host: '127.0.0.1',
      port: server.port,
      path: '/metrics',
      method: 'POST',
      headers: { 'content-length': 1_000_000_000 },
    });
    sent.flushHeaders();
    const [response] = await once(sent, 'response');
    expect(response.statusCode).toBe(405);
    expect(response.headers.connection).toBe('close');
    sent.destroy();
  });

  test('what is no HTTP is cut off', async () => {
    const { server } = await start();
    const socket = connect(server.port, '127.0.0.1');
    socket.end('nonsense\r\n\r\n');
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 400 /u);
    await once(socket, 'close');
  });
});

test('its signal ends it, open connections included', async () => {
  const { server, url, stop } = await start();
  await (await fetch(`${url}/healthz`)).text();
  const idle = connect(server.port, '127.0.0.1');
  await once(idle, 'connect');
  idle.resume();
  stop.abort();
  await Promise.all([server.closed, once(idle, 'close')]);
  await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed');
});

test('a port in use is told as that', async () => {
  const { server } = await start();
  await expect(start({ address: { host: '127.0.0.1', port: server.port } })).rejects.toThrow(
    `cannot listen on 127.0.0.1:${server.port}: the port is in use by another process`,
  );
});

test('an address of another machine is told as that', async () => {
  await expect(start({ address: { host: '192.0.2.1', port: 0 } })).rejects.toThrow(
    'cannot listen on 192.0.2.1:0: this machine has no such address',
  );
});

test('without a host it listens on every interface', async () => {
  const { url } = await start({ address: { host: undefined, port: 0 } });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test('it listens on IPv6', async () => {
  const { server } = await start({ address: { host: '::1', port: 0 } });
  expect((await fetch(`http://[::1]:${server.port}/healthz`)).status).toBe(200);
});
