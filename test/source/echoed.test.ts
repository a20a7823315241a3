/** A server that tells what it was sent: whatever it says of that, in whichever part of the protocol, is shown without it. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent } from 'undici';
import { PlumblineError } from '../../operator/errors.ts';
import { readCredentials } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import { line } from '../../operator/source/pktline.ts';
import { resolveRef } from '../../operator/source/refs.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitServer } from '../gitserver/index.ts';

const login = { username: 'ada', password: 'correct horse & battery' };
const basic = Buffer.from(`${login.username}:${login.password}`).toString('base64');
const secret = Object.fromEntries(Object.entries(login).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
const { signal } = new AbortController();

interface Altered {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Buffer;
}
/** From what was sent along, as it went over the wire and as it was meant, and from the real answer, to another answer. */
type Alter = (said: string, answer: Buffer) => Altered;
type Question = 'introduction' | 'ls-refs' | 'fetch';

let server: GitServer;
let proxy: Server;
let url = '';
const agent = new Agent();
let altered: { readonly question: Question; readonly alter: Alter } | undefined;

/** Passes everything on to the real server, and alters what it answers to one kind of question. */
async function pass(request: IncomingMessage): Promise<Altered & { readonly status: number }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const headers = Object.fromEntries(
    ['authorization', 'content-type', 'accept', 'git-protocol'].flatMap((name) => {
      const value = request.headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
  const answer = await agent.request({
    origin: server.url,
    path: request.url ?? '/',
    method: request.method as 'GET' | 'POST',
    headers,
    body,
  });
  const real = {
    status: answer.statusCode,
    headers: { 'content-type': String(answer.headers['content-type']) },
    body: Buffer.from(await answer.body.arrayBuffer()),
  };
  const question: Question = request.method === 'GET' ? 'introduction' : body.includes('command=ls-refs') ? 'ls-refs' : 'fetch';
  if (altered?.question !== question) return real;
  const sent = request.headers.authorization ?? '';
  const [user = '', password = ''] = Buffer.from(sent.replace('Basic ', ''), 'base64').toString().split(':');
  return { ...real, ...altered.alter(`${sent} is ${user} with ${password}`, real.body) };
}

beforeAll(async () => {
  server = await startGitServer({ auth: login });
  const repo = await server.createRepo('shop.git');
  await repo.write({ 'web.yaml': 'v: 1\n' });
  proxy = createServer((request, response) => {
    pass(request).then(
      ({ status, headers, body }) => response.writeHead(status, headers).end(body),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/shop.git`;
});
afterAll(async () => {
  proxy.closeAllConnections();
  await new Promise((resolve) => {
    proxy.close(resolve);
  });
  await agent.close();
  await server.close();
});

async function read(): Promise<string> {
  const client = createGitClient();
  const credentials = readCredentials(secret, new URL(url));
  try {
    const refs = await client.listRefs(url, credentials, signal);
    const checkout = await client.checkout(url, credentials, resolveRef(refs, {}), signal);
    return (await checkout.snapshot({ path: '', exclude: [] }, signal)).commit.sha;
  } finally {
    await client.close();
  }
}

async function refusal(): Promise<PlumblineError> {
  try {
    await read();
  } catch (error) {
    if (error instanceof PlumblineError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

/** An error and all that led to it, as a log would show them. */
function told(error: unknown): string {
  const texts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause)
    texts.push(at.stack ?? '', at.message, at instanceof PlumblineError ? JSON.stringify(at.faults) : '');
  return texts.join('\n');
}

const error = (said: string): Altered => ({ body: line(`ERR you sent ${said}`) });
const band = (number: number, text: string): Buffer => {
  const data = Buffer.from(text);
  return Buffer.concat([Buffer.from((data.length + 5).toString(16).padStart(4, '0')), Buffer.from([number]), data]);
};
const far = 'well '.repeat(33);

describe('what a server echoes', () => {
  test.each<[string, Question, Alter]>([
    ['in an ERR packet instead of its introduction', 'introduction', error],
    ['in an ERR packet instead of its refs', 'ls-refs', error],
    ['in an ERR packet instead of a pack', 'fetch', error],
    ['where a sentence is cut off', 'ls-refs', (said) => error(`${far}${said}`)],
    ['in the band of errors', 'fetch', (said) => ({ body: Buffer.concat([line('packfile'), band(3, `you sent ${said}`)]) })],
    [
      'in the band of errors, where it is cut off',
      'fetch',
      (said) => ({ body: Buffer.concat([line('packfile'), band(3, `${far}${said}`)]) }),
    ],
    [
      'in a line of refs',
      'ls-refs',
      (said) => ({ body: Buffer.concat([line(`${said.replaceAll('Basic ', '')} refs/heads/main`), Buffer.from('0000')]) }),
    ],
    ['as no packet at all', 'ls-refs', (said) => ({ body: Buffer.from(`you sent ${said}`) })],
    [
      'as plain words',
      'introduction',
      (said) => ({ headers: { 'content-type': 'text/plain' }, body: Buffer.from(`<h1>you sent ${said}</h1>`) }),
    ],
    [
      'as a type of content',
      'introduction',
      (said) => ({ headers: { 'content-type': `text/plain; sent="${said}"` }, body: Buffer.from('no') }),
    ],
    ['with a status', 'fetch', (said) => ({ status: 500, body: Buffer.from(`you sent ${said}`) })],
    [
      'in a redirect',
      'introduction',
      (said) => ({ status: 302, headers: { location: `http://elsewhere.example.com/${encodeURIComponent(said)}` }, body: Buffer.alloc(0) }),
    ],
  ])('%s is not told', async (_, question, alter) => {
    altered = { question, alter };
    const shown = told(await refusal());
    for (const part of [login.password, encodeURIComponent(login.password), basic]) {
      expect(shown).not.toContain(part);
      // Nor the beginning of it.
      expect(shown).not.toContain(part.slice(0, 8));
    }
    expect(shown).toContain('***');
    altered = undefined;
    expect(await read()).toMatch(/^[0-9a-f]{40}$/);
  });
});
