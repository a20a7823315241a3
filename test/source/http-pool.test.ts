import { describe, expect, test } from '@jest/globals';
import { anonymous } from '../../operator/source/credentials.ts';
import { HttpPool } from '../../operator/source/http-pool.ts';
import { openHttp } from '../../operator/source/http.ts';
import { failure } from './failure.ts';
import { closing, gitServer, httpServer, refsOf, signal, timeouts, transports } from './http-servers.ts';

describe('connections', () => {
  test.each([[true], [false]])('polls of one host share one (TLS: %s)', async (tls) => {
    const { server, url, commit } = await gitServer({ tls });
    const at = transports();
    const credentials = server.ca === undefined ? anonymous : { id: 'ca', ca: server.ca };
    for (let poll = 0; poll < 20; poll += 1) expect((await refsOf(at, url, credentials)).head).toBe(commit);
    expect(server.counts.lsRefs).toBe(20);
    expect(server.counts.connections).toBe(1);
  });

  test('many polls at once use no more than a few', async () => {
    const { server, url } = await gitServer();
    const at = transports();
    await Promise.all(Array.from({ length: 16 }, () => refsOf(at, url)));
    expect(server.counts.lsRefs).toBe(16);
    expect(server.counts.mostOpen).toBeLessThanOrEqual(4);
  });

  test('whoever shows another certificate, or trusts another authority, gets another one', async () => {
    const { server, url } = await gitServer({ tls: true });
    const at = transports();
    await refsOf(at, url, { id: 'ca', ca: server.ca });
    expect((await failure(refsOf(at, url))).reason).toBe('UntrustedCertificate');
  });

  test('one that the server closed meanwhile costs no failure', async () => {
    let asked = 0;
    // Closes each connection after one answer, without saying so before: what a server does whose patience ended.
    const { url, server } = await httpServer((request, response) => {
      asked += 1;
      response.writeHead(200, { 'content-type': 'text/plain', connection: 'keep-alive' }).end('hello');
      response.once('finish', () => setImmediate(() => request.socket.destroy()));
    });
    server.keepAliveTimeout = 60_000;
    const pool = new HttpPool();
    closing.push(() => pool.close());
    const transport = openHttp(pool, new URL(url), anonymous, { timeouts });
    for (let at = 0; at < 5; at += 1) {
      for await (const chunk of (await transport.get(new URL(url), {}, signal)).body) expect(chunk.toString()).toBe('hello');
    }
    expect(asked).toBeGreaterThanOrEqual(5);
  });

  test('a server that cuts every connection is told, not asked without end', async () => {
    let asked = 0;
    const { url } = await httpServer((request) => {
      asked += 1;
      request.socket.destroy();
    });
    const error = await failure(refsOf(transports(), `${url}/x.git`));
    expect([error.reason, asked]).toEqual(['GitUnreachable', 1]);
  });

  test('of too many servers the longest unused is let go of', async () => {
    let now = 0;
    const pool = new HttpPool({ servers: 3, keepMs: 1000, now: () => now });
    closing.push(() => pool.close());
    for (let count = 0; count < 5; count += 1) {
      const { url } = await httpServer((_, response) => response.end('hello'));
      const transport = openHttp(pool, new URL(url), anonymous, { timeouts });
      for await (const _ of (await transport.get(new URL(url), {}, signal)).body) now += 1;
      await new Promise(setImmediate);
    }
    expect(pool.size).toBe(3);
    now += 5000;
    const { url } = await httpServer((_, response) => response.end('hello'));
    const transport = openHttp(pool, new URL(url), anonymous, { timeouts });
    for await (const _ of (await transport.get(new URL(url), {}, signal)).body) now += 1;
    expect(pool.size).toBe(1);
  });

  test('an answer of which enough was read is not waited for, and its connection is kept', async () => {
    let end = (): unknown => undefined;
    const { url, server } = await httpServer((_, response) => {
      response.write('hello');
      end = () => response.end();
    });
    let connections = 0;
    server.on('connection', () => (connections += 1));
    const pool = new HttpPool();
    closing.push(() => pool.close());
    const transport = openHttp(pool, new URL(url), anonymous, { timeouts });
    for (let question = 0; question < 2; question += 1) {
      for await (const chunk of (await transport.get(new URL(url), {}, signal)).body) if (chunk.length > 0) break;
      end();
    }
    expect(connections).toBe(1);
  });

  test('an unused one is closed', async () => {
    const { url, server } = await httpServer((_, response) => response.end('hello'));
    server.keepAliveTimeout = 60_000;
    const pool = new HttpPool({ keepMs: 1200 });
    closing.push(() => pool.close());
    const transport = openHttp(pool, new URL(url), anonymous, { timeouts });
    const gone = new Promise<void>((resolve) => {
      server.once('connection', (socket) => socket.once('close', resolve));
    });
    for await (const chunk of (await transport.get(new URL(url), {}, signal)).body) expect(chunk).toHaveLength(5);
    await gone;
  });
});
