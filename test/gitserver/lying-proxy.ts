/** A wire before the real git server that fails at one byte of what it answers, headers and framing included. */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** What happens at byte `at` of all that is answered from now on, once: the connection ends, or falls silent, or the byte is another. */
export interface WireFault {
  readonly kind: 'cut' | 'stall' | 'flip';
  readonly at: number;
  /** What the byte is XORed with. */
  readonly mask: number;
}

export interface LyingProxy {
  /** As the server's own URL. */
  readonly url: string;
  /** Bytes answered since `fail` was last called. */
  readonly passed: number;
  /** Counts from 0 again; undefined lets everything through. Connections from before are ended. */
  fail(fault: WireFault | undefined): void;
  close(): Promise<void>;
}

/** Listens on 127.0.0.1 and passes everything on to `target`, `http://127.0.0.1:PORT`. */
export async function startLyingProxy(target: string): Promise<LyingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let fault: WireFault | undefined;
  let passed = 0;

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let isSilent = false;
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      // Either side may end at any time here; so does the other.
      socket.on('error', end);
      socket.once('close', () => {
        sockets.delete(socket);
        // Whoever is silent says nothing of an end either; the client has to find out by itself.
        if (!isSilent || socket === client) end();
      });
    }
    client.on('data', (chunk: Buffer) => upstream.write(chunk));
    upstream.on('data', (chunk: Buffer) => {
      if (isSilent) return;
      const offset = fault === undefined ? -1 : fault.at - passed;
      passed += chunk.length;
      if (fault === undefined || offset < 0 || offset >= chunk.length) {
        client.write(chunk);
        return;
      }
      const { kind, mask } = fault;
      fault = undefined;
      if (kind === 'flip') {
        const altered = Buffer.from(chunk);
        altered[offset] = (altered[offset] ?? 0) ^ mask;
        client.write(altered);
        return;
      }
      isSilent = true;
      client.write(chunk.subarray(0, offset), () => {
        if (kind === 'cut') end();
      });
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const endAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get passed() {
      return passed;
    },
    fail(next) {
      endAll();
      fault = next;
      passed = 0;
    },
    close: async () => {
      endAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
