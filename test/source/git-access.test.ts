import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import { resolveRef } from '../../operator/source/refs.ts';
import type { Checkout, Credentials, GitClient, RefSpec } from '../../operator/source/types.ts';
import { makeCertificate, startGitServer } from '../gitserver/index.ts';
import type { GitServer } from '../gitserver/index.ts';
import { cut } from './cut.ts';
import { failure } from './failure.ts';

const signal = new AbortController().signal;
let git: GitClient;

beforeAll(() => {
  git = createGitClient();
});
afterAll(() => git.close());

async function checkoutOf(url: string, spec: RefSpec, credentials: Credentials = anonymous, client = git): Promise<Checkout> {
  const refs = await client.listRefs(url, credentials, signal, ['refs/tags/', 'refs/pull/']);
  return client.checkout(url, credentials, resolveRef(refs, spec), signal);
}

describe('who may read', () => {
  test.each<[string, { username: string; password: string } | { bearerToken: string }]>([
    ['a username and a password', { username: 'ada', password: 'pa55word' }],
    ['a token', { bearerToken: 'pa55word' }],
  ])('whoever has %s', async (_, auth) => {
    const server = await startGitServer({ auth });
    try {
      const repo = await server.createRepo('private.git');
      await repo.write({ 'web.yaml': '1' });
      const url = server.urlOf(repo);
      expect((await cut(await checkoutOf(url, {}, { id: 'right', ...auth }), '')).files).toHaveLength(1);
      const wrong = await failure(git.listRefs(url, { id: 'wrong', username: 'ada', password: 'wr0ng' }, signal));
      expect([wrong.reason, wrong.message]).toEqual(['AuthenticationFailed', `${url} refuses the credentials (401)`]);
      expect((await failure(git.listRefs(url, anonymous, signal))).message).toContain('asks for credentials');
    } finally {
      await server.close();
    }
  });

  test('a server that echoes credentials does not get them into a message', async () => {
    const server = await startGitServer();
    try {
      const basic = Buffer.from('ada:pa55word').toString('base64');
      server.fault = { kind: 'status', status: 500, body: `you sent pa55word, Basic ${basic}` };
      const error = await failure(git.listRefs(`${server.url}/x.git`, { id: 'x', username: 'ada', password: 'pa55word' }, signal));
      expect(error.message).toContain('you sent ***, Basic ***');
    } finally {
      await server.close();
    }
  });
});

describe('TLS', () => {
  let server: GitServer;
  let url: string;

  beforeAll(async () => {
    server = await startGitServer({ tls: true });
    const repo = await server.createRepo('shop.git');
    await repo.write({ 'web.yaml': '1' });
    url = server.urlOf(repo);
  });
  afterAll(() => server.close());

  test('an authority of the Secret is trusted', async () => {
    expect((await checkoutOf(url, {}, { id: 'ca', ca: server.ca })).commit.subject).toBe('Change manifests');
  });

  test('an unknown authority is not, nor another one', async () => {
    expect((await failure(git.listRefs(url, anonymous, signal))).reason).toBe('UntrustedCertificate');
    expect((await failure(git.listRefs(url, { id: 'other', ca: makeCertificate().ca }, signal))).reason).toBe('UntrustedCertificate');
  });

  test.each([
    ['expired', { notAfter: new Date(Date.now() - 3_600_000), notBefore: new Date(0) }, 'expired'],
    ['for another host', { hosts: ['git.example.com'] }, 'another host'],
  ])('a certificate that is %s is not', async (_, options, words) => {
    const certificate = makeCertificate(options);
    const other = await startGitServer({ tls: certificate });
    try {
      const error = await failure(git.listRefs(`${other.url}/x.git`, { id: 'x', ca: certificate.ca }, signal));
      expect(error.reason).toBe('UntrustedCertificate');
      expect(error.message).toContain(words);
    } finally {
      await other.close();
    }
  });

  test('https to a server that speaks http is told', async () => {
    const plain = await startGitServer();
    try {
      const error = await failure(git.listRefs(`${plain.url.replace('http:', 'https:')}/x.git`, anonymous, signal));
      expect(error.reason).toBe('GitUnreachable');
      expect(error.message).toContain('http://');
    } finally {
      await plain.close();
    }
  });
});
