import type { RequestListener } from 'node:http';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { anonymous } from '../../operator/source/credentials.ts';
import { isQuotable } from '../../operator/source/http.ts';
import { defaultLimits } from '../../operator/source/limits.ts';
import type { Credentials } from '../../operator/source/types.ts';
import { makeCertificate, startGitServer } from '../gitserver/index.ts';
import type { GitServer } from '../gitserver/index.ts';
import { fetchRefs } from './ask.ts';
import { startProxy } from './connect-proxy.ts';
import type { Proxy, ProxyOptions } from './connect-proxy.ts';
import { failure } from './failure.ts';
import { closing, gitServer, httpServer, refsOf, signal, timeouts, transports } from './http-servers.ts';

describe('packed answers', () => {
  const packers = { gzip: gzipSync, 'x-gzip': gzipSync, deflate: deflateSync };

  test.each(Object.entries(packers))('%s is unpacked', async (encoding, pack) => {
    const { url: upstream, commit } = await gitServer();
    const { url } = await httpServer((request, response) => void forward(upstream, request, response, encoding, pack));
    const at = transports();
    for (let poll = 0; poll < 3; poll += 1) expect((await refsOf(at, `${url}/shop.git`)).head).toBe(commit);
  });

  test('one that unpacks to more than may be is given up on the way', async () => {
    // 64 MiB a time, in some hundred KiB.
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, '0035 is a line that is longer than it should be be be.\n'));
    let sent = 0;
    const { url } = await httpServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement', 'content-encoding': 'gzip' });
      const more = (): void => {
        while (sent < 1000) {
          sent += 1;
          if (!response.write(bomb)) {
            response.once('drain', more);
            return;
          }
        }
        response.end();
      };
      more();
    });
    const before = process.memoryUsage().rss;
    const limits = { ...defaultLimits, refsBytes: 1024 * 1024 };
    const ask = { url: `${url}/x.git`, credentials: anonymous, timeouts, limits, transports: transports() };
    expect((await failure(fetchRefs(ask, [], signal))).reason).toMatch(/RepositoryTooLarge|GitError/);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  test.each([
    ['gzip', 'GitError', 'cannot be unpacked'],
    ['br', 'GitError', 'in the encoding br'],
  ])('what only says that it is %s is told', async (encoding, reason, words) => {
    const { url } = await httpServer((_, response) =>
      response
        .writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement', 'content-encoding': encoding })
        .end('no such thing'),
    );
    const error = await failure(refsOf(transports(), `${url}/x.git`));
    expect([error.reason, error.message]).toEqual([reason, expect.stringContaining(words)]);
  });
});

async function forward(
  upstream: string,
  request: Parameters<RequestListener>[0],
  response: Parameters<RequestListener>[1],
  encoding: string,
  pack: (bytes: Buffer) => Buffer,
): Promise<void> {
  expect(request.headers['accept-encoding']).toContain('gzip');
  const body: Buffer[] = [];
  for await (const chunk of request) body.push(chunk as Buffer);
  const answer = await fetch(`${new URL(upstream).origin}${request.url}`, {
    method: request.method ?? 'GET',
    headers: { 'git-protocol': 'version=2', 'content-type': request.headers['content-type'] ?? '', 'accept-encoding': 'identity' },
    ...(request.method === 'POST' ? { body: Buffer.concat(body) } : {}),
  });
  const bytes = pack(Buffer.from(await answer.arrayBuffer()));
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '', 'content-encoding': encoding });
  response.end(bytes);
}

describe('redirects', () => {
  const login: Credentials = { id: 'ada', username: 'ada', password: 'pa55word' };

  test('to another port on the same host are followed without the credentials', async () => {
    const seen: (string | undefined)[] = [];
    const other = await httpServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401).end();
    });
    const { url } = await httpServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(302, { location: `${other.url}${request.url}` }).end();
    });
    const error = await failure(refsOf(transports(), `${url}/x.git`, login));
    expect(error.message).toContain('asks for credentials');
    expect(seen).toEqual([`Basic ${Buffer.from('ada:pa55word').toString('base64')}`, undefined]);
  });

  test('from http to https on another host are followed without credentials and client certificate', async () => {
    const client = makeCertificate({ purpose: 'client' });
    const { server, url } = await gitServer({ tls: true });
    const { url: from } = await httpServer((request, response) =>
      response.writeHead(301, { location: `${server.url}${request.url?.replace('/x.git', '/shop.git')}` }).end(),
    );
    const seen: (string | undefined)[] = [];
    server.fault = { kind: 'status', status: 403 };
    server.faultFor = ({ headers }) => {
      seen.push(headers.authorization);
      return false;
    };
    const credentials = { ...login, ca: server.ca, certificate: { cert: client.cert, key: client.key } };
    expect((await refsOf(transports(), `${from}/x.git`, credentials)).head).toHaveLength(40);
    expect(seen).toEqual([undefined, undefined]);
    expect(url).toContain('https');
  });

  test('to another service show nothing of what it says, whatever its type and status', async () => {
    for (const [status, type] of [
      [200, 'text/plain'],
      [500, 'text/plain'],
      [403, 'application/json'],
    ] as const) {
      const inner = await httpServer((_request, response) => response.writeHead(status, { 'content-type': type }).end('inner secret'));
      const { url } = await httpServer((_request, response) => response.writeHead(302, { location: `${inner.url}/metadata` }).end());
      const error = await failure(refsOf(transports(), `${url}/x.git`));
      expect([error.message, error.faults.map(({ remedy }) => remedy)].join()).not.toContain('inner secret');
    }
  });

  test.each([
    ['http://h/x.git/info/refs', 'text/plain; charset=utf-8', true],
    ['http://h/x.git/git-upload-pack', 'application/x-git-upload-pack-result', true],
    ['http://h/x.git/info/refs', 'text/html', false],
    ['http://h/x.git/info/refs', 'application/json', false],
    ['http://h/x.git/info/refs', 'text/plainer', false],
    ['http://h/x.git/info/refs', '', false],
    ['http://h/y.git/info/refs', 'text/plain', false],
    ['http://h:81/x.git/info/refs', 'text/plain', false],
  ])('and what may be shown: %s %s: %s', (url, type, shown) => {
    expect(isQuotable(new URL(url), new URL('http://h/x.git/'), type)).toBe(shown);
  });

  test('of what is asked after info/refs are not followed', async () => {
    const { url: upstream } = await gitServer();
    const { url } = await httpServer((request, response) => {
      if (request.method === 'GET') void forward(upstream, request, response, 'identity', (bytes) => bytes);
      else response.writeHead(307, { location: `${upstream}/git-upload-pack` }).end();
    });
    const error = await failure(refsOf(transports(), `${url}/shop.git`));
    expect(error.message).toContain('redirects (307)');
  });
});

describe('mutual TLS', () => {
  const client = makeCertificate({ purpose: 'client' });
  let server: GitServer;
  let url: string;

  beforeAll(async () => {
    server = await startGitServer({ tls: true, clientCa: client.ca });
    const repo = await server.createRepo('shop.git');
    await repo.write({ 'web.yaml': '1' });
    url = server.urlOf(repo);
  });
  afterAll(() => server.close());

  test('lets in whoever shows the right certificate', async () => {
    const certificate = { cert: client.cert, key: client.key };
    expect((await refsOf(transports(), url, { id: 'x', ca: server.ca, certificate })).head).toHaveLength(40);
  });

  test.each<[string, Credentials['certificate']]>([
    ['none', undefined],
    ['one of another authority', makeCertificate({ purpose: 'client' })],
  ])('refuses whoever shows %s, and the certificate is named', async (_, certificate) => {
    const error = await failure(refsOf(transports(), url, { id: 'x', ca: server.ca, certificate }));
    // This server ends the connection without a word; those that say why are in http-errors.test.ts.
    expect([error.reason, error.faults[0]?.remedy]).toEqual(['GitUnreachable', expect.stringContaining('check tls.crt and tls.key')]);
  });
});

describe('proxies', () => {
  const certificate = makeCertificate({ hosts: ['git.test'] });

  async function proxied(options: Partial<ProxyOptions> = {}): Promise<Proxy> {
    const proxy = await startProxy({ hosts: ['git.test'], ...options });
    closing.push(() => proxy.close());
    return proxy;
  }
  const named = (url: string): string => url.replace('127.0.0.1', 'git.test');

  test('https goes through a tunnel, kept between polls', async () => {
    const { server, url, commit } = await gitServer({ tls: certificate });
    const proxy = await proxied();
    const at = transports();
    const credentials = { id: 'ca', ca: server.ca };
    for (let poll = 0; poll < 3; poll += 1) {
      expect((await refsOf(at, named(url), credentials, { https: `127.0.0.1:${proxy.port}` })).head).toBe(commit);
    }
    expect(proxy.asked).toEqual([`CONNECT ${new URL(named(url)).host}`]);
  });

  test("http is asked of the proxy by its whole URL, with the git server's login for that server alone", async () => {
    const { url, commit } = await gitServer({ auth: { username: 'ada', password: 'pa55word' } });
    const proxy = await proxied({ login: 'pro:xy' });
    const credentials = { id: 'ada', username: 'ada', password: 'pa55word' };
    const http = `http://pro:xy@127.0.0.1:${proxy.port}`;
    expect((await refsOf(transports(), named(url), credentials, { http })).head).toBe(commit);
    expect(proxy.asked[0]).toBe(`GET ${named(url)}/info/refs?service=git-upload-pack`);
  });

  test("a login of the proxy is said in the tunnel's request", async () => {
    const { server, url, commit } = await gitServer({ tls: certificate });
    const proxy = await proxied({ login: 'pro:xy' });
    const https = `http://pro:xy@127.0.0.1:${proxy.port}`;
    expect((await refsOf(transports(), named(url), { id: 'ca', ca: server.ca }, { https })).head).toBe(commit);
  });

  test.each<[string, Partial<ProxyOptions>, string]>([
    ['asks for a login', { login: 'pro:xy' }, 'asks for a login'],
    ['refuses the host', { status: 403 }, 'answers 403'],
    ['says nothing', { silent: true }, 'gave no answer in 1 s'],
  ])('a proxy that %s is named, without its login', async (_, options, words) => {
    const proxy = await proxied(options);
    const https = `http://pro:pa55word@127.0.0.1:${proxy.port}`;
    const error = await failure(refsOf(transports(), 'https://git.test/x.git', anonymous, { https }));
    expect([error.reason, error.message]).toEqual(['GitUnreachable', expect.stringContaining(words)]);
    expect(error.message).toContain(`127.0.0.1:${proxy.port}`);
    expect(JSON.stringify([error.message, error.faults])).not.toContain('pa55word');
  });

  test('one that is not there is named', async () => {
    const proxy = await proxied();
    await proxy.close();
    const error = await failure(refsOf(transports(), 'https://git.test/x.git', anonymous, { https: `127.0.0.1:${proxy.port}` }));
    expect(error.message).toContain(`the proxy http://127.0.0.1:${proxy.port} does not answer (ECONNREFUSED)`);
    const plain = await failure(refsOf(transports(), 'http://git.test/x.git', anonymous, { http: `127.0.0.1:${proxy.port}` }));
    expect(plain.message).toContain(`(through the proxy http://127.0.0.1:${proxy.port}) cannot be reached: connection refused`);
  });

  test('what NO_PROXY names is asked directly', async () => {
    const proxy = await proxied();
    const error = await failure(
      refsOf(transports(), 'https://git.test/x.git', anonymous, { https: `127.0.0.1:${proxy.port}`, none: '.test' }),
    );
    expect([error.reason, proxy.asked]).toEqual(['GitUnreachable', []]);
  });
});
