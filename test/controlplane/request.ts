/** Raw JSON requests to the API server, for tests that look at a cluster or change it behind the operator's back. */
import { Agent } from 'undici';
import type { Credentials } from './pki.ts';

export interface ApiAnswer {
  readonly status: number;
  // Tests read whatever the server says; each narrows what it reads.
  readonly body: Json;
}

/** Any JSON value, read by path without ceremony: `body.metadata.name`. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

export interface ApiRequest {
  readonly body?: unknown;
  /** Default by method: `application/json`, for PATCH `application/merge-patch+json`. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Requester {
  /** Any answer, whatever its status; rejects only where there is none. */
  raw(method: string, path: string, request?: ApiRequest): Promise<ApiAnswer>;
  /** The body of a 2xx answer; rejects with the server's message otherwise. */
  ok(method: string, path: string, request?: ApiRequest): Promise<Json>;
  /** The object at `path`, undefined where the server says 404. */
  get(path: string): Promise<Json>;
  close(): Promise<void>;
}

/** A requester as one identity. */
export function createRequester(credentials: Pick<Credentials, 'server' | 'caPem' | 'certPem' | 'keyPem'>): Requester {
  const agent = new Agent({
    connections: 16,
    connect: { ca: credentials.caPem, cert: credentials.certPem, key: credentials.keyPem },
    headersTimeout: 30_000,
    bodyTimeout: 30_000,
  });
  const raw: Requester['raw'] = async (method, path, request = {}) => {
    const text = request.body === undefined ? null : typeof request.body === 'string' ? request.body : JSON.stringify(request.body);
    const contentType = request.contentType ?? (method === 'PATCH' ? 'application/merge-patch+json' : 'application/json');
    const answer = await agent.request({
      origin: credentials.server,
      method,
      path,
      headers: { accept: 'application/json', ...(text === null ? {} : { 'content-type': contentType }), ...request.headers },
      body: text,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    const answered = await answer.body.text();
    const isJson = String(answer.headers['content-type'] ?? '').startsWith('application/json');
    return { status: answer.statusCode, body: isJson ? JSON.parse(answered) : answered };
  };
  const ok: Requester['ok'] = async (method, path, request) => {
    const { status, body } = await raw(method, path, request);
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${body?.message ?? JSON.stringify(body)}`);
    return body;
  };
  return {
    raw,
    ok,
    async get(path) {
      const { status, body } = await raw('GET', path);
      if (status === 404) return undefined;
      if (status !== 200) throw new Error(`GET ${path}: ${status} ${body?.message ?? JSON.stringify(body)}`);
      return body;
    },
    close: () => agent.destroy(),
  };
}
