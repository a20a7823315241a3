/** An HTTP server that listens, cuts off who is slow, and ends with its signal. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ListenOptions {
  /** Without host on every interface, with port 0 on a free one. */
  readonly address: { readonly host: string | undefined; readonly port: number };
  /** Connections at a time; more are closed at once. */
  readonly maxConnections: number;
  /** How long a connection stays open without a request, milliseconds; default 65,000. */
  readonly keepAliveMs?: number;
  /** Answers a request. Must not throw. */
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void;
  /** Closes the server and its connections. */
  readonly signal: AbortSignal;
}

export interface WebServer {
  readonly host: string;
  readonly port: number;
  /** Resolves once it is closed after the signal. */
  readonly closed: Promise<void>;
}

/** A client that sends slowly, or not at all, is cut off. */
const requestMs = 10_000;
const maxHeaderBytes = 16_384;
/** How often the above is looked at; Node's default of 30 s would leave who is slow that much longer. */
const checkMs = 2_000;
const defaultKeepAliveMs = 65_000;

/** Listens; resolves once it does. Throws an Error that names the address when it cannot (a port in use). */
export async function listenOn(options: ListenOptions): Promise<WebServer> {
  options.signal.throwIfAborted();
  const { host, port } = options.address;
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      requestTimeout: requestMs,
      headersTimeout: requestMs,
      connectionsCheckingInterval: checkMs,
      keepAliveTimeout: options.keepAliveMs ?? defaultKeepAliveMs,
    },
    options.answer,
  );
  server.maxConnections = options.maxConnections;
  await listen(server, host, port);
  const closed = new Promise<void>((resolve) => {
    server.once('close', () => resolve());
  });
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  options.signal.addEventListener('abort', close, { once: true });
  if (options.signal.aborted) close();
  const bound = server.address() as AddressInfo;
  return { host: bound.address, port: bound.port, closed };
}

function listen(server: Server, host: string | undefined, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      reject(
        new Error(`cannot listen on ${host?.includes(':') === true ? `[${host}]` : (host ?? '')}:${port}: ${whyNot(error)}`, {
          cause: error,
        }),
      );
    };
    server.once('error', failed);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.removeListener('error', failed);
      resolve();
    });
  });
}

function whyNot(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'the port is in use by another process';
  if (error.code === 'EADDRNOTAVAIL') return 'this machine has no such address';
  if (error.code === 'EACCES') return 'this port needs more rights';
  return error.code ?? error.message;
}
