/** A real HTTP proxy of the smallest kind: CONNECT, and whole URLs for plain http. It knows one name of its own. */
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { ServerCertificate } from '../gitserver/index.ts';

export interface ProxyOptions {
  /** Names that only the proxy can look up; they lead to 127.0.0.1. */
  readonly hosts: readonly string[];
  /** `user:password`; whoever does not say it is answered 407. */
  readonly login?: string;
  readonly tls?: ServerCertificate;
  /** Every question is answered so. */
  readonly status?: number;
  /** Takes connections and says nothing. */
  readonly silent?: boolean;
}

export interface Proxy {
  readonly port: number;
  /** `CONNECT git.test:443`, `GET http://git.test/x`, in order. */
  readonly asked: string[];
  close(): Promise<void>;
}

export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const expected = options.login === undefined ? undefined : `Basic ${Buffer.from(options.login).toString('base64')}`;
  const refusal = (message: IncomingMessage): number | undefined =>
    options.status ?? (expected !== undefined && message.headers['proxy-authorization'] !== expected ? 407 : undefined);
  const addressOf = (name: string): string => (options.hosts.includes(name) ? '127.0.0.1' : name);

  const forward = (message: IncomingMessage, response: ServerResponse): void => {
    asked.push(`${message.method} ${message.url}`);
    const status = refusal(message);
    if (status !== undefined) {
      response.writeHead(status).end('no');
      return;
    }
    const { hostname, port, pathname, search } = new URL(message.url ?? '');
    const { 'proxy-authorization': _, ...headers } = message.headers;
    const onward = request({ host: addressOf(hostname), port, path: `${pathname}${search}`, method: message.method, headers });
    onward.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.once('error', () => response.writeHead(502).end());
    message.pipe(onward);
  };
  const server =
    options.tls === undefined ? createServer(forward) : createTlsServer({ cert: options.tls.cert, key: options.tls.key }, forward);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.on('connect', (message: IncomingMessage, socket: Socket, head: Buffer) => {
    asked.push(`CONNECT ${message.url}`);
    socket.on('error', () => undefined);
    if (options.silent === true) return;
    const status = refusal(message);
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const [name = '', port = ''] = (message.url ?? '').split(':');
    const onward = connect(Number(port), addressOf(name), () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
