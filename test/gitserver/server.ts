/** A real git server for tests, demo and bench: `git http-backend` behind node:http, with faults on demand. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { makeCertificate } from './certificates.ts';
import type { ServerCertificate } from './certificates.ts';
import { startProgram } from '../spawner/index.ts';
import { gitEnvironment } from './git.ts';
import { GitRepo } from './repo.ts';
import type { CreateOptions } from './repo.ts';

/** What stands before the real backend. `refuse` closes the connection at once, `hang` never answers, `stall` answers half. */
export type GitFault =
  | { readonly kind: 'status'; readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'html'; readonly body?: string }
  | { readonly kind: 'hang' }
  | { readonly kind: 'stall' }
  | { readonly kind: 'refuse' }
  | { readonly kind: 'redirect'; readonly location: string };

export interface GitServerOptions {
  /** Default: any free one. */
  readonly port?: number;
  /** Where repositories lie; default a new temporary folder, taken away by close(). */
  readonly root?: string;
  /** TLS: true for a fresh authority for localhost, or a certificate. */
  readonly tls?: boolean | ServerCertificate;
  /** PEM: with TLS, whoever shows no certificate of this authority is not let in. */
  readonly clientCa?: string;
  readonly auth?:
    | { readonly username: string; readonly password: string }
    | { readonly username: string; readonly accepts: (password: string) => boolean }
    | { readonly bearerToken: string };
  /** false: answers as servers did before protocol version 2. */
  readonly protocolV2?: boolean;
}

export interface GitServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly root: string;
  /** PEM of the authority, with TLS. */
  readonly ca: string | undefined;
  /** Requests and connections so far, the most connections that were open at once, and the bytes of all answers. */
  readonly counts: { lsRefs: number; fetch: number; push: number; all: number; connections: number; mostOpen: number; bytes: number };
  /** Requests for one repository so far. */
  requestsFor(repo: GitRepo): number;
  /** Set to make every request fail; undefined makes the server well again. */
  fault: GitFault | undefined;
  /** When set, only requests for which it says true meet the fault. */
  faultFor: ((request: IncomingMessage) => boolean) | undefined;
  /** A new empty repository, `shop.git` or `acme/shop.git`. */
  createRepo(name: string, options?: CreateOptions): Promise<GitRepo>;
  urlOf(repo: GitRepo | string): string;
  close(): Promise<void>;
}

/** Starts the server on 127.0.0.1. */
export async function startGitServer(options: GitServerOptions = {}): Promise<GitServer> {
  const ownRoot = options.root === undefined;
  const root = options.root ?? (await mkdtemp(join(tmpdir(), 'gitserver-')));
  const certificate = options.tls === true ? makeCertificate() : options.tls === false ? undefined : options.tls;
  const asked = new Map<string, number>();
  const listener: RequestListener = (request, response) => {
    const [, name = ''] = /^\/(.+?\.git)\//.exec(request.url ?? '') ?? [];
    asked.set(name, (asked.get(name) ?? 0) + 1);
    handle(handler, options, request, response);
  };
  const server: Server =
    certificate === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ ...certificateOptions(certificate, options.clientCa) }, listener);
  // A server behind a proxy keeps connections longer than Node's default of 5 s.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const handler: GitServer = {
    url,
    root,
    ca: certificate?.ca,
    counts: { lsRefs: 0, fetch: 0, push: 0, all: 0, connections: 0, mostOpen: 0, bytes: 0 },
    requestsFor: (repo) => asked.get(repo.name) ?? 0,
    fault: undefined,
    faultFor: undefined,
    createRepo: (name, create) => GitRepo.create(root, name, create),
    urlOf: (repo) => `${url}/${typeof repo === 'string' ? repo : repo.name}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      if (ownRoot) await rm(root, { recursive: true, force: true });
    },
  };
  const open = new Set<Socket>();
  server.on(certificate === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    handler.counts.connections += 1;
    handler.counts.mostOpen = Math.max(handler.counts.mostOpen, open.size);
  });
  return handler;
}

function certificateOptions({ cert, key }: ServerCertificate, clientCa: string | undefined): ServerOptions {
  return { cert, key, ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }) };
}

function handle(server: GitServer, options: GitServerOptions, request: IncomingMessage, response: ServerResponse): void {
  server.counts.all += 1;
  if (server.fault !== undefined && (server.faultFor?.(request) ?? true)) {
    fail(server.fault, request, response);
    return;
  }
  if (!authorized(options.auth, request.headers.authorization)) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"', 'content-type': 'text/plain' }).end('authentication required\n');
    return;
  }
  backend(server, options, request, response);
}

function fail(fault: GitFault, request: IncomingMessage, response: ServerResponse): void {
  switch (fault.kind) {
    case 'status':
      response.writeHead(fault.status, { 'content-type': 'text/plain', ...fault.headers }).end(fault.body ?? 'no\n');
      return;
    case 'html':
      response
        .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
        .end(fault.body ?? '<html><head><title>Sign in</title></head><body><h1>Welcome</h1></body></html>');
      return;
    case 'hang':
      return;
    case 'stall':
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
      response.write('001e# service=git-upload-pack\n');
      return;
    case 'refuse':
      request.socket.destroy();
      return;
    case 'redirect':
      response.writeHead(302, { location: fault.location.replace('{url}', request.url ?? '') }).end();
      return;
  }
}

function authorized(auth: GitServerOptions['auth'], header: string | undefined): boolean {
  if (auth === undefined) return true;
  if ('bearerToken' in auth) return header === `Bearer ${auth.bearerToken}`;
  if ('accepts' in auth) {
    const [username, password = ''] = Buffer.from(header?.replace(/^Basic /, '') ?? '', 'base64')
      .toString()
      .split(':');
    return username === auth.username && auth.accepts(password);
  }
  return header === `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
}

/** Runs `git http-backend` as CGI (RFC 3875). */
function backend(server: GitServer, options: GitServerOptions, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const v2 = options.protocolV2 !== false && request.headers['git-protocol'] === 'version=2';
  const upload = request.method === 'POST' && url.pathname.endsWith('/git-upload-pack');
  const push = request.method === 'POST' && url.pathname.endsWith('/git-receive-pack');
  if (push) server.counts.push += 1;
  if (request.method === 'GET' && !v2 && url.searchParams.get('service') === 'git-upload-pack') server.counts.lsRefs += 1;

  const child = startProgram('git', ['http-backend'], {
    env: {
      ...gitEnvironment(server.root),
      GIT_PROJECT_ROOT: server.root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      ...(request.headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: request.headers['content-length'] }),
      ...(request.headers['content-encoding'] === undefined ? {} : { HTTP_CONTENT_ENCODING: request.headers['content-encoding'] }),
      ...(v2 ? { GIT_PROTOCOL: 'version=2' } : {}),
      REMOTE_ADDR: '127.0.0.1',
      REMOTE_USER: 'git',
    },
  });
  child.stderr.resume();
  response.once('close', () => child.kill());
  child.exit.catch(() => response.destroy());
  // A client that goes away, and a backend that needs no more input, both end the pipe early.
  child.stdin.on('error', () => undefined);
  if (upload) {
    const body: Buffer[] = [];
    request.on('data', (chunk: Buffer) => body.push(chunk));
    request.once('end', () => {
      const bytes = Buffer.concat(body);
      const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
      if (plain.subarray(0, 64).includes('command=ls-refs')) server.counts.lsRefs += 1;
      else server.counts.fetch += 1;
      child.stdin.end(bytes);
    });
  } else {
    request.pipe(child.stdin);
  }
  child.stdout.on('data', (chunk: Buffer) => (server.counts.bytes += chunk.length));
  relay(child.stdout, response);
}

/** CGI headers, a blank line, the body. */
function relay(output: NodeJS.ReadableStream, response: ServerResponse): void {
  let head = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    output.off('data', onData);
    output.pause();
    let status = 200;
    const headers: [string, string][] = [];
    for (const line of head.subarray(0, end).toString().split('\r\n')) {
      const colon = line.indexOf(':');
      const key = line.slice(0, colon);
      const value = line.slice(colon + 1).trim();
      if (key.toLowerCase() === 'status') status = Number.parseInt(value, 10);
      else headers.push([key, value]);
    }
    response.writeHead(status, Object.fromEntries(headers));
    response.write(head.subarray(end + 4));
    output.pipe(response);
  };
  output.on('data', onData);
  output.once('end', () => {
    if (!response.headersSent) response.writeHead(500).end('git http-backend gave no answer\n');
  });
}
