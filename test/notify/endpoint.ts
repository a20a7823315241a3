/** A real HTTP server that notes what it is sent, and answers as told. */
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface Endpoint {
  readonly url: string;
  readonly received: Received[];
  /** How many are being answered now, and the most that ever were. */
  readonly open: { now: number; most: number };
  /** Replaces how it answers; the default is 202. */
  answer: (request: Received, response: ServerResponse) => void;
  close(): Promise<void>;
}

export async function startEndpoint(tls?: { readonly key: string; readonly cert: string }): Promise<Endpoint> {
  const received: Received[] = [];
  const open = { now: 0, most: 0 };
  const listener: RequestListener = (request, response) => {
    open.now += 1;
    open.most = Math.max(open.most, open.now);
    response.once('close', () => (open.now -= 1));
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) };
      received.push(one);
      endpoint.answer(one, response);
    });
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const endpoint: Endpoint = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    received,
    open,
    answer: (_request, response) => void response.writeHead(202).end(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return endpoint;
}
