/** What is asked of a git server in one go: its refs, one commit, whether one commit comes before another. */
import { PlumblineError } from '../errors.ts';
import type { Transport, TransportSettings } from './http.ts';
import type { Limits } from './limits.ts';
import { listCommit } from './listing.ts';
import type { Listing } from './listing.ts';
import { parseCommitLinks } from './objects.ts';
import { readPack } from './pack.ts';
import type { PackObjects } from './pack.ts';
import { ServerError } from './pktline.ts';
import { askDescent, discover, fetchCommit, lsRefs } from './protocol.ts';
import type { Transports } from './transports.ts';
import type { Credentials, RemoteRefs } from './types.ts';
import { parseGitUrl, showUrl } from './url.ts';

export interface Ask extends TransportSettings {
  readonly url: string;
  readonly credentials: Credentials;
  readonly limits: Limits;
  /** Of the process that asks. */
  readonly transports: Transports;
}

/** One ls-refs: HEAD, branches, and refs under `prefixes`. */
export function fetchRefs(ask: Ask, prefixes: readonly string[], signal: AbortSignal): Promise<RemoteRefs> {
  return withTransport(ask, async (transport, url) => {
    const server = await discover(transport, url, ask.limits.refsBytes, signal);
    return lsRefs(transport, server, prefixes, ask.limits.refsBytes, signal);
  });
}

/**
 * One commit: what it holds, and the bytes of its manifest files by object id. `oid`: the commit, or an annotated tag that
 * leads to it. `bare`: the commit was asked for by its id alone.
 */
export function fetchListing(
  ask: Ask,
  oid: string,
  bare: boolean,
  signal: AbortSignal,
): Promise<{ readonly listing: Listing; readonly pack: PackObjects }> {
  return withTransport(ask, async (transport, url) => {
    const server = await discover(transport, url, ask.limits.refsBytes, signal);
    try {
      const pack = await readPack(fetchCommit(transport, server, oid, ask.limits.fileBytes, signal), ask.limits, signal);
      return { listing: listCommit(oid, pack, ask.limits), pack };
    } catch (error) {
      if (!bare || !(error instanceof ServerError)) throw error;
      throw new PlumblineError(
        { reason: 'RefNotFound', message: `${showUrl(url)} does not give commit ${oid}: ${error.words}` },
        { cause: error },
      );
    }
  });
}

/** Whether `ancestor` comes before `commit`; undefined when that cannot be found out cheaply. */
export function fetchDescent(ask: Ask, ancestor: string, commit: string, signal: AbortSignal): Promise<boolean | undefined> {
  if (ancestor === commit) return Promise.resolve(true);
  // Only commits are looked at: a difference that is larger than this is not worth the download.
  const limits = { ...ask.limits, packBytes: 16 * 1024 * 1024, unpackedBytes: 64 * 1024 * 1024 };
  return withTransport(ask, async (transport, url) => {
    const server = await discover(transport, url, ask.limits.refsBytes, signal);
    const answer = await askDescent(transport, server, commit, ancestor, signal);
    if (answer === undefined) return undefined;
    if (answer === 'unrelated') return false;
    try {
      const { objects } = await readPack(answer.pack, limits, signal);
      return reaches(objects, commit, ancestor);
    } catch (error) {
      if (error instanceof PlumblineError && error.reason === 'RepositoryTooLarge') return undefined;
      throw error;
    }
  });
}

/** Follows parents through the commits that are new. */
function reaches(objects: PackObjects['objects'], commit: string, ancestor: string): boolean {
  const seen = new Set<string>();
  const waiting = [commit];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (at === ancestor) return true;
    const object = objects.get(at);
    if (seen.has(at) || object?.type !== 'commit') continue;
    seen.add(at);
    waiting.push(...parseCommitLinks(object.data).parents);
  }
  return false;
}

async function withTransport<T>(ask: Ask, work: (transport: Transport, url: URL) => Promise<T>): Promise<T> {
  const url = parseGitUrl(ask.url);
  const transport = ask.transports.open(url, ask.credentials, ask);
  try {
    return await work(transport, url);
  } finally {
    await transport.close();
  }
}
