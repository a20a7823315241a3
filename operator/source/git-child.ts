/**
 * The process that reads repositories: what strangers pushed is unpacked here, where memory is capped
 * and a crash costs nothing. It answers its parent, and ends when that goes or is silent for a while.
 */
import { toPlumblineError } from '../errors.ts';
import type { Part, Reply, Request } from './child-messages.ts';
import { fetchDescent, fetchListing } from './fetch.ts';
import type { ListedFile, Listing } from './listing.ts';
import type { PackObjects } from './pack.ts';
import { Transports } from './transports.ts';

/** The argument that makes a process this one. */
export const gitChildFlag = '--git-child';

const idleMs = 10_000;
const partEntries = 2000;
const partBytes = 512 * 1024;

/** Serves the parent process until it goes, or asks nothing for ten seconds. Called by the entry of the process. */
export function runGitChild(): void {
  const running = new Map<number, AbortController>();
  const transports = new Transports();
  // Without a parent, a timer or a connection, the process ends by itself.
  const leave = (): void => {
    clearTimeout(idle);
    for (const controller of running.values()) controller.abort();
    if (process.connected) process.disconnect();
    void transports.close();
  };
  let idle = setTimeout(leave, idleMs);
  process.once('disconnect', leave);
  // Ctrl-C reaches the whole group; the parent says when it is over.
  process.on('SIGINT', () => undefined);
  process.on('message', (message) => {
    const request = message as Request;
    if (request.kind === 'abort') {
      running.get(request.id)?.abort();
      return;
    }
    clearTimeout(idle);
    const controller = new AbortController();
    running.set(request.id, controller);
    void answer(request, transports, controller.signal)
      .catch((error: unknown) => {
        const { faults, retryAfterMs } = toPlumblineError(error);
        return reply({ kind: 'failed', id: request.id, faults, retryAfterMs });
      })
      .finally(() => {
        running.delete(request.id);
        if (running.size === 0 && process.connected) {
          clearTimeout(idle);
          idle = setTimeout(leave, idleMs);
        }
      });
  });
}

async function answer(request: Exclude<Request, { kind: 'abort' }>, transports: Transports, signal: AbortSignal): Promise<void> {
  const { id } = request;
  const ask = { ...request.ask, transports };
  if (request.kind === 'descends') {
    await reply({ kind: 'descent', id, descends: await fetchDescent(ask, request.ancestor, request.commit, signal) });
    return;
  }
  const { listing, pack } = await fetchListing(ask, request.oid, request.bare, signal);
  for (const part of parts(listing, pack)) {
    signal.throwIfAborted();
    await reply({ kind: 'part', id, part });
  }
  await reply({ kind: 'listed', id, head: { commit: listing.commit, signed: listing.signed } });
}

function* parts(listing: Listing, pack: PackObjects): Generator<Part> {
  const none = { folders: [], files: [], blobs: [], bytes: new Uint8Array(0) };
  for (let at = 0; at < listing.folders.length; at += partEntries) yield { ...none, folders: listing.folders.slice(at, at + partEntries) };
  for (let at = 0; at < listing.files.length; at += partEntries) yield { ...none, files: listing.files.slice(at, at + partEntries) };
  yield* contents(listing.files, pack);
}

/** Every content once, however many files hold it. */
function* contents(files: readonly ListedFile[], pack: PackObjects): Generator<Part> {
  const sent = new Set<string>();
  let blobs: [string, number][] = [];
  let chunks: Buffer[] = [];
  let length = 0;
  const part = (): Part => ({ folders: [], files: [], blobs, bytes: Buffer.concat(chunks, length) });
  for (const file of files) {
    const object = pack.objects.get(file.oid);
    if (file.kind !== 'manifest' || object === undefined || sent.has(file.oid)) continue;
    sent.add(file.oid);
    blobs.push([file.oid, object.data.length]);
    chunks.push(object.data);
    length += object.data.length;
    if (length >= partBytes || blobs.length >= partEntries) {
      yield part();
      blobs = [];
      chunks = [];
      length = 0;
    }
  }
  if (blobs.length > 0) yield part();
}

/** Resolves once the parent has room for more. */
function reply(message: Reply): Promise<void> {
  return new Promise((resolve) => {
    // A parent that is gone ends this process by 'disconnect'; there is nobody left to tell.
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve());
    else resolve();
  });
}
