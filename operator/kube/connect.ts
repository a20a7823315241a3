/** The client of the API server: who is asking, how many at once, how often again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeError } from './client.ts';
import type { KubeClient, KubeRequest, KubeResponse, WatchEvent } from './client.ts';
import type { Credentials } from './credentials-types.ts';
import { parseJson, stringifyJson } from './json.ts';
import { Limiter } from './limiter.ts';
import { isIdempotent, isLeaseRequest, verbOf } from './resource-path.ts';
import { retryDelay } from './retry.ts';
import { createDispatcher, exchange, noAnswerError, stream } from './transport.ts';
import type { WireRequest } from './transport.ts';

export interface ConnectOptions {
  readonly credentials: Credentials;
  /** Requests in flight; leases and watches do not count. */
  readonly concurrency: number;
  readonly userAgent: string;
  /** In [0, 1), for the jitter of retries. */
  readonly random: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
  /**
   * Called right before the first byte of each try of each write goes out, leases aside; what it throws is thrown, and
   * nothing is sent (rule 16: a lost lease).
   */
  readonly beforeWrite?: ((request: KubeRequest) => void) | undefined;
  /** Told of each try: the verb as the audit log names it, and the HTTP code, `0` for no answer. */
  readonly onRequest?: ((verb: string, code: string) => void) | undefined;
}

/** A KubeClient, and what it is connected to. */
export interface ConnectedClient extends KubeClient {
  readonly server: string;
  /** The pod's namespace, or that of the kubeconfig's context. */
  readonly namespace: string | undefined;
  /** Requests that hold a slot, and that wait for one. */
  load(): { readonly inFlight: number; readonly waiting: number };
  /** Flows wait for each other: more than the two that can hold all slots between them. */
  isStorm(): boolean;
}

const defaultTimeout = 30_000;
/** Bookmarks come about once a minute; a stream that is silent for longer was cut. */
const defaultIdle = 90_000;

/** A client for these credentials. Opens no connection before the first request. */
export function connectKube(options: ConnectOptions): ConnectedClient {
  const { credentials } = options;
  const { origin, pathname } = new URL(credentials.server);
  const prefix = pathname.replace(/\/$/, '');
  const limiter = new Limiter(options.concurrency);
  const dispatcher = createDispatcher(credentials, options.concurrency);
  const unlimited = createDispatcher(credentials, undefined);

  async function wireRequest(request: KubeRequest, signal: AbortSignal): Promise<WireRequest> {
    const headers: Record<string, string> = { ...(await credentials.headers()), 'user-agent': options.userAgent };
    headers['accept'] = request.accept ?? 'application/json';
    if (request.body !== undefined) headers['content-type'] = request.contentType ?? 'application/json';
    if (request.as !== undefined) headers['impersonate-user'] = request.as;
    const query = new URLSearchParams(request.query).toString();
    const body = request.body === undefined ? null : typeof request.body === 'string' ? request.body : stringifyJson(request.body);
    return { method: request.method, target: `${prefix}${request.path}${query === '' ? '' : `?${query}`}`, headers, body, signal };
  }

  /** One try, within `timeoutMs`; a 401 once more with fresh credentials, since nothing was done. */
  async function attempt(request: KubeRequest, timeoutMs: number): Promise<KubeResponse<unknown>> {
    const verb = verbOf(request);
    const isWrite = request.method !== 'GET' && !isLeaseRequest(request.path);
    const deadline = startDeadline(request.signal, timeoutMs);
    try {
      for (let again = false; ; again = true) {
        const wire = {
          ...(await wireRequest(request, deadline.signal)),
          beforeSend: isWrite ? () => options.beforeWrite?.(request) : undefined,
        };
        try {
          const answer = await exchange(isLeaseRequest(request.path) ? unlimited : dispatcher, origin, wire);
          options.onRequest?.(verb, String(answer.code));
          return { status: answer.code, body: answer.body, warnings: answer.warnings };
        } catch (error) {
          if (!(error instanceof KubeError)) throw error; // aborted, or kept from being sent
          options.onRequest?.(verb, String(error.code));
          if (again || error.code !== 401) throw error;
          credentials.expire();
        }
      }
    } finally {
      deadline.stop();
    }
  }

  async function send<T>(request: KubeRequest): Promise<KubeResponse<T>> {
    const { signal, timeoutMs = defaultTimeout } = request;
    const idempotent = isIdempotent(request);
    let left = timeoutMs;
    for (let count = 1; ; count += 1) {
      const release = isLeaseRequest(request.path) ? () => {} : await limiter.acquire(request);
      const started = options.monotonic();
      try {
        return (await attempt(request, left)) as KubeResponse<T>;
      } catch (error) {
        if (!(error instanceof KubeError)) throw error;
        left -= options.monotonic() - started;
        const delay = retryDelay({ attempt: count, error, idempotent }, options.random());
        if (delay === undefined || delay >= left) throw error;
        left -= delay;
        release(); // whoever waits holds no slot
        await sleep(delay, undefined, { signal }).catch(() => signal.throwIfAborted());
      } finally {
        release();
      }
    }
  }

  async function* watch<T>(
    request: KubeRequest & { readonly idleMs?: number | undefined; readonly onOpen?: (() => void) | undefined },
  ): AsyncGenerator<WatchEvent<T>, void, void> {
    const asked = { ...request, query: { ...request.query, watch: '1' } };
    for (let again = false; ; again = true) {
      const idleMs = request.idleMs ?? defaultIdle;
      const idle = startDeadline(request.signal, Math.min(idleMs, request.timeoutMs ?? defaultTimeout));
      let code = '0';
      const opened = (): void => {
        code = '200';
        options.onRequest?.('watch', code);
        request.onOpen?.();
      };
      try {
        const wire = await wireRequest(asked, idle.signal);
        const lines = stream(unlimited, origin, wire, opened, () => idle.restart(idleMs));
        for await (const line of lines) yield parseJson(line) as WatchEvent<T>;
        return;
      } catch (error) {
        if (code !== '0' || !(error instanceof KubeError)) throw error;
        options.onRequest?.('watch', String(error.code));
        if (again || error.code !== 401) throw error;
        credentials.expire();
      } finally {
        idle.stop();
      }
    }
  }

  return {
    server: credentials.server,
    namespace: credentials.namespace,
    request: send,
    watch,
    load: () => limiter.load(),
    isStorm: () => limiter.waitingFlows() > 2,
    async close() {
      await Promise.all([dispatcher.destroy(), unlimited.destroy()]);
    },
  };
}

interface Deadline {
  readonly signal: AbortSignal;
  readonly restart: (ms: number) => void;
  readonly stop: () => void;
}

/** Aborts with `signal`'s reason, or with a KubeError once `ms` have gone by without a restart. Must be stopped. */
function startDeadline(signal: AbortSignal, ms: number): Deadline {
  const controller = new AbortController();
  const late = (limit: number): void => controller.abort(noAnswerError('Timeout', `no answer within ${Math.ceil(limit / 1000)} s`));
  let timer = setTimeout(late, ms, ms);
  const aborted = (): void => controller.abort(signal.reason);
  if (signal.aborted) aborted();
  else signal.addEventListener('abort', aborted, { once: true });
  return {
    signal: controller.signal,
    restart(limit) {
      clearTimeout(timer);
      timer = setTimeout(late, limit, limit);
    },
    stop() {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
    },
  };
}
