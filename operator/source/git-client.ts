/** Git, as the rest of the operator asks it: refs in this process, commits in the child. */
import { getCACertificates } from 'node:tls';
import { PlumblineError } from '../errors.ts';
import type { AskedOf, Head, Part, Reply, Request } from './child-messages.ts';
import { makeCheckout } from './checkout.ts';
import { fetchRefs } from './fetch.ts';
import { defaultChildOptions, GitProcess } from './git-process.ts';
import type { ChildOptions, Death } from './git-process.ts';
import { defaultTimeouts } from './http.ts';
import type { Timeouts } from './http.ts';
import { defaultLimits } from './limits.ts';
import type { Limits } from './limits.ts';
import type { ListedFile } from './listing.ts';
import { notGit } from './pktline.ts';
import type { ProxySettings } from './proxies.ts';
import { Transports } from './transports.ts';
import type { Checkout, Credentials, GitClient, RemoteRefs, ResolvedRef } from './types.ts';

export interface GitClientOptions {
  readonly timeouts?: Partial<Timeouts> | undefined;
  readonly limits?: Partial<Limits> | undefined;
  readonly child?: Partial<ChildOptions> | undefined;
  /** Commits read at the same time. */
  readonly concurrency?: number | undefined;
  /** Through which servers are asked. */
  readonly proxies?: ProxySettings | undefined;
  /** For one commit in all, however slowly bytes come. Milliseconds. */
  readonly deadlineMs?: number | undefined;
}

/** A request on its way to the child or in it. */
interface Job {
  readonly id: number;
  readonly request: Exclude<Request, { kind: 'abort' }>;
  readonly signal: AbortSignal;
  readonly parts: Part[];
  /** Was in the child when it died beside others: tried once more, with nobody beside it. */
  alone: boolean;
  settle(result: Settled): void;
}

type Settled =
  | { readonly error: unknown }
  | { readonly error?: undefined; readonly head: Head; readonly parts: readonly Part[] }
  | { readonly error?: undefined; readonly head?: undefined; readonly descends: boolean | undefined };

/** A client with a child process of its own, started when the first commit is asked for. */
export function createGitClient(options: GitClientOptions = {}): GitClient {
  const limits = { ...defaultLimits, ...options.limits };
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const deadlineMs = options.deadlineMs ?? 300_000;
  const child = new ChildQueue({ ...defaultChildOptions, ...options.child }, options.concurrency ?? 4);
  const transports = new Transports();
  const { proxies } = options;
  const askOf = (url: string, credentials: Credentials): AskedOf => ({ url, credentials, timeouts, limits, proxies });
  // The child has no environment: authorities that NODE_EXTRA_CA_CERTS adds here go along with the question.
  const extra = getCACertificates('extra');
  const childAskOf = (url: string, credentials: Credentials): AskedOf =>
    askOf(url, extra.length === 0 ? credentials : { ...credentials, ca: [credentials.ca ?? '', ...extra].join('\n') });

  return {
    listRefs: (url, credentials, signal, prefixes = ['refs/tags/']): Promise<RemoteRefs> =>
      fetchRefs({ ...askOf(url, credentials), transports }, prefixes, signal),

    async checkout(url: string, credentials: Credentials, ref: ResolvedRef, signal: AbortSignal): Promise<Checkout> {
      const request = {
        kind: 'checkout',
        ask: childAskOf(url, credentials),
        oid: ref.tag ?? ref.commit,
        bare: ref.fullRef === undefined,
      } as const;
      const result = await child.ask(request, signal, deadlineMs);
      if (!('parts' in result))
        throw new PlumblineError({ reason: 'InternalError', message: 'the process that reads git answered another question' });
      if (ref.tag !== undefined && result.head.commit.sha !== ref.commit)
        throw notGit(`it says that tag ${ref.tag} leads to ${ref.commit}, and it leads to ${result.head.commit.sha}`);
      return assemble(result.head, result.parts, limits);
    },

    async descends(url, credentials, ancestor, commit, signal): Promise<boolean | undefined> {
      const result = await child.ask({ kind: 'descends', ask: childAskOf(url, credentials), ancestor, commit }, signal, deadlineMs);
      return 'descends' in result ? result.descends : undefined;
    },

    async close() {
      child.close();
      await transports.close();
    },
  };
}

function assemble({ commit, signed }: Head, parts: readonly Part[], limits: Limits): Checkout {
  const contents = new Map<string, Buffer>();
  const folders: (readonly [string, string])[] = [];
  const files: ListedFile[] = [];
  for (const part of parts) {
    folders.push(...part.folders);
    files.push(...part.files);
    let at = 0;
    for (const [oid, size] of part.blobs) {
      contents.set(oid, Buffer.from(part.bytes.buffer, part.bytes.byteOffset + at, size));
      at += size;
    }
  }
  const bytes = { commit: bufferOf(signed.commit), tag: signed.tag === undefined ? undefined : bufferOf(signed.tag) };
  return makeCheckout({ commit, signed: bytes, folders, files }, contents, limits);
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

type Asked = Request extends infer R ? (R extends { kind: 'abort' } ? never : Omit<R, 'id'>) : never;
type Answered = Exclude<Settled, { readonly error: unknown }>;

/** Jobs waiting for the child and in it. */
class ChildQueue {
  readonly #options: ChildOptions;
  readonly #concurrency: number;
  readonly #waiting: Job[] = [];
  readonly #running = new Map<number, Job>();
  #process: GitProcess | undefined;
  #nextId = 1;
  #closed = false;

  constructor(options: ChildOptions, concurrency: number) {
    this.#options = options;
    this.#concurrency = concurrency;
  }

  /** Rejects with a PlumblineError, or with the signal's reason. */
  ask(asked: Asked, signal: AbortSignal, deadlineMs: number): Promise<Answered> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const id = this.#nextId++;
      const onAbort = (): void => {
        if (this.#running.has(id)) this.#process?.send({ kind: 'abort', id });
        job.settle({ error: signal.reason });
      };
      const deadline = setTimeout(() => {
        const wasRunning = this.#running.has(id);
        job.settle({
          error: new PlumblineError({ reason: 'GitTimeout', message: `reading the commit took over ${Math.round(deadlineMs / 1000)} s` }),
        });
        // It may be too busy to hear that it should stop.
        if (wasRunning) this.#process?.kill();
      }, deadlineMs);
      const job: Job = {
        id,
        request: { ...asked, id },
        signal,
        parts: [],
        alone: false,
        settle: (result) => {
          clearTimeout(deadline);
          signal.removeEventListener('abort', onAbort);
          this.#running.delete(id);
          const at = this.#waiting.indexOf(job);
          if (at >= 0) this.#waiting.splice(at, 1);
          if ('error' in result && result.error !== undefined) reject(result.error);
          else resolve(result as Answered);
          this.#next();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(job);
      this.#next();
    });
  }

  close(): void {
    this.#closed = true;
    const error = new PlumblineError({ reason: 'InternalError', message: 'the operator is stopping' });
    for (const job of [...this.#waiting, ...this.#running.values()]) job.settle({ error });
    this.#process?.kill();
    this.#process = undefined;
  }

  #next(): void {
    while (!this.#closed) {
      const job = this.#waiting[0];
      const busy = this.#running.size;
      const othersAlone = [...this.#running.values()].some(({ alone }) => alone);
      if (job === undefined || busy >= this.#concurrency || othersAlone || (job.alone && busy > 0)) break;
      this.#waiting.shift();
      this.#running.set(job.id, job);
      this.#process ??= this.#start();
      this.#process.send(job.request);
    }
    this.#process?.hold(this.#running.size > 0);
  }

  #start(): GitProcess {
    const started: GitProcess = new GitProcess(this.#options, {
      reply: (reply) => this.#take(reply),
      death: (death) => {
        if (this.#process === started) this.#process = undefined;
        this.#mourn(death);
      },
    });
    return started;
  }

  #take(reply: Reply): void {
    const job = this.#running.get(reply.id);
    // An answer to what was given up meanwhile.
    if (job === undefined) return;
    switch (reply.kind) {
      case 'part':
        job.parts.push(reply.part);
        return;
      case 'listed':
        job.settle({ head: reply.head, parts: job.parts });
        return;
      case 'descent':
        job.settle({ descends: reply.descends });
        return;
      case 'failed':
        job.settle({ error: new PlumblineError(reply.faults, { retryAfterMs: reply.retryAfterMs }) });
        return;
    }
  }

  /**
   * Who was alone in the child is told why it died; who was not is tried again alone, so that nobody answers for
   * another's repository. A child that went by itself is nobody's fault.
   */
  #mourn(death: Death): void {
    const jobs = [...this.#running.values()];
    this.#running.clear();
    for (const job of jobs) {
      if (death !== undefined && (jobs.length === 1 || job.alone)) {
        job.settle({ error: death });
      } else {
        job.alone ||= death !== undefined;
        job.parts.length = 0;
        this.#waiting.unshift(job);
      }
    }
    this.#next();
  }
}
