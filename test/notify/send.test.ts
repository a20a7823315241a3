import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createSend } from '../../operator/notify/send.ts';
import { HttpPool } from '../../operator/source/http-pool.ts';
import { makeCertificate } from '../gitserver/certificates.ts';
import { startProxy } from '../source/connect-proxy.ts';
import { type Endpoint, startEndpoint } from './endpoint.ts';

const pools: HttpPool[] = [];
const endpoints: Endpoint[] = [];
let endpoint: Endpoint;
const never = new AbortController().signal;

beforeEach(async () => {
  endpoint = await opened();
});
afterEach(async () => {
  await Promise.all([...pools.splice(0), ...endpoints.splice(0)].map((one) => one.close()));
});

async function opened(...tls: Parameters<typeof startEndpoint>): Promise<Endpoint> {
  const one = await startEndpoint(...tls);
  endpoints.push(one);
  return one;
}

function sender(proxies = {}, deadlineMs = 5_000) {
  const pool = new HttpPool();
  pools.push(pool);
  return createSend({ pool, proxies, deadlineMs });
}

const question = (url: string) => ({
  url: new URL(url),
  headers: { authorization: 'Bearer t0ken', 'content-type': 'application/json' },
  body: Buffer.from('{}'),
});

test('a POST arrives whole, and its answer is read', async () => {
  endpoint.answer = (_, response) =>
    void response.writeHead(422, { 'retry-after': '7', 'content-type': 'text/plain' }).end('no such commit');
  expect(await sender()(question(`${endpoint.url}/statuses?x=1`), undefined, never)).toEqual({
    status: 422,
    retryAfter: '7',
    contentType: 'text/plain',
    text: 'no such commit',
  });
  const [one] = endpoint.received;
  expect([one?.path, one?.body.toString(), one?.headers.authorization]).toEqual(['/statuses?x=1', '{}', 'Bearer t0ken']);
});

test('an answer without end is read for 8 KiB', async () => {
  endpoint.answer = (_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(1_000)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };
  expect((await sender()(question(endpoint.url), undefined, never)).text).toHaveLength(8_192);
});

describe('a server that takes its time is given up at the deadline', () => {
  test.each<[string, Endpoint['answer']]>([
    ['and says nothing', () => {}],
    ['and drips', (_, response) => void setInterval(() => response.write('x'), 20).unref()],
  ])('%s', async (_, answer) => {
    endpoint.answer = answer;
    const before = performance.now();
    await expect(sender({}, 300)(question(`${endpoint.url}/secret-path`), undefined, never)).rejects.toThrow(
      `${endpoint.url} did not answer within 0.3 s`,
    );
    expect(performance.now() - before).toBeLessThan(3_000);
  });
});

test('a server that is not there is named without the path, which may be its secret', async () => {
  const { url } = endpoint;
  await endpoint.close();
  await expect(sender()(question(`${url}/secret-path?key=s3cret`), undefined, never)).rejects.toThrow(
    expect.objectContaining({ message: `${url} cannot be reached: connection refused` }),
  );
});

test('whoever is told to stop stops', async () => {
  endpoint.answer = () => {};
  const stop = new AbortController();
  const asked = sender()(question(endpoint.url), undefined, stop.signal);
  setTimeout(() => stop.abort(new Error('enough')), 50);
  await expect(asked).rejects.toThrow('enough');
});

describe('a redirect', () => {
  test('within the server is followed with all that was sent', async () => {
    endpoint.answer = ({ path }, response) =>
      void (path === '/old' ? response.writeHead(301, { location: '/new' }) : response.writeHead(201)).end();
    expect((await sender()(question(`${endpoint.url}/old`), undefined, never)).status).toBe(201);
    expect(endpoint.received.map(({ path, body, headers }) => [path, body.toString(), headers.authorization])).toEqual([
      ['/old', '{}', 'Bearer t0ken'],
      ['/new', '{}', 'Bearer t0ken'],
    ]);
  });

  test('to another server is an answer: the token does not go there', async () => {
    const other = await opened();
    endpoint.answer = (_, response) => void response.writeHead(307, { location: `${other.url}/in` }).end();
    expect((await sender()(question(endpoint.url), undefined, never)).status).toBe(307);
    expect(other.received).toEqual([]);
  });

  test('without end is an answer after three', async () => {
    endpoint.answer = (_, response) => void response.writeHead(308, { location: '/again' }).end();
    expect((await sender()(question(endpoint.url), undefined, never)).status).toBe(308);
    expect(endpoint.received).toHaveLength(4);
  });
});

test('an authority of one’s own is trusted where it is said, and only there', async () => {
  const certificate = makeCertificate();
  const own = await opened(certificate);
  const send = sender();
  expect((await send(question(own.url), certificate.ca, never)).status).toBe(202);
  await expect(send(question(own.url), undefined, never)).rejects.toThrow(`the TLS certificate of ${own.url} is not trusted`);
});

test('a proxy is used as for git servers', async () => {
  const proxy = await startProxy({ hosts: ['hooks.test'], login: 'ada:s3cret' });
  try {
    const port = new URL(endpoint.url).port;
    const send = sender({ http: `http://ada:s3cret@127.0.0.1:${proxy.port}` });
    expect((await send(question(`http://hooks.test:${port}/in`), undefined, never)).status).toBe(202);
    expect(proxy.asked).toEqual([`POST http://hooks.test:${port}/in`]);
    await expect(send(question('http://hooks.test:1/in'), undefined, never)).resolves.toMatchObject({ status: 502 });
  } finally {
    await proxy.close();
  }
});
