/** HTTP servers for one test each, and who asks them. */
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from '@jest/globals';
import { anonymous } from '../../operator/source/credentials.ts';
import { defaultLimits } from '../../operator/source/limits.ts';
import type { ProxySettings } from '../../operator/source/proxies.ts';
import { Transports } from '../../operator/source/transports.ts';
import type { Credentials, RemoteRefs } from '../../operator/source/types.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitServer } from '../gitserver/index.ts';
import { fetchRefs } from './ask.ts';

export const signal = new AbortController().signal;
export const timeouts = { connectMs: 1000, idleMs: 500 };
/** What a test leaves open; closed behind it. */
export const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

export function transports(): Transports {
  const made = new Transports();
  closing.push(() => made.close());
  return made;
}

/** A repository with one commit. */
export async function gitServer(
  options: Parameters<typeof startGitServer>[0] = {},
): Promise<{ server: GitServer; url: string; commit: string }> {
  const server = await startGitServer(options);
  closing.push(() => server.close());
  const repo = await server.createRepo('shop.git');
  return { server, url: server.urlOf(repo), commit: await repo.write({ 'web.yaml': '1' }) };
}

/** What answers as it likes. */
export async function httpServer(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** One introduction and one ls-refs, and the conversation is over. */
export function refsOf(
  at: Transports,
  url: string,
  credentials: Credentials = anonymous,
  proxies: ProxySettings = {},
): Promise<RemoteRefs> {
  return fetchRefs({ url, credentials, timeouts, proxies, limits: defaultLimits, transports: at }, ['refs/tags/'], signal);
}
