/** A proxy before the API server that keeps the operator's writes, so that a bare client can send the very same. */
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Agent } from 'undici';
import type { ControlPlane } from '../test/controlplane/start.ts';
import { objectResources, requestsPerSource } from './fleet.ts';

/** A write as the operator sent it and the API server took it. */
export interface RecordedWrite {
  readonly kind: 'metadata' | 'object' | 'status';
  readonly method: 'PATCH';
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The writes of each source, in the order in which they were answered. */
export type Recording = ReadonlyMap<string, readonly RecordedWrite[]>;

export interface Recorder {
  /** Speaks to the proxy; the proxy is who the admin is. */
  readonly kubeconfigPath: string;
  /** What was recorded so far. Throws when a source did not send what it must, and nothing else. */
  recording(names: readonly string[]): Recording;
  close(): Promise<void>;
}

/** Connection by connection, never passed on. */
const hopByHop = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive']);

export async function startRecorder(control: ControlPlane): Promise<Recorder> {
  const { admin } = control;
  const agent = new Agent({
    connect: { ca: admin.caPem, cert: admin.certPem, key: admin.keyPem },
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const writes = new Map<string, RecordedWrite[]>();

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const headers = endToEnd(request.headers);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const path = request.url ?? '/';
    const answer = await agent.request({
      origin: admin.server,
      method: request.method ?? 'GET',
      path,
      headers,
      body: body.length === 0 ? null : body,
      signal: gone.signal,
    });
    if (request.method === 'PATCH' && answer.statusCode < 300) note(writes, path, headers, body.toString());
    response.writeHead(answer.statusCode, endToEnd(answer.headers));
    response.flushHeaders();
    for await (const chunk of answer.body) response.write(chunk);
    response.end();
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const kubeconfigPath = join(control.workDir, 'kubeconfig-recorder');
  await writeFile(kubeconfigPath, kubeconfig(`http://127.0.0.1:${port}`));
  return {
    kubeconfigPath,
    recording(names) {
      for (const name of names) checkWrites(name, writes.get(name) ?? []);
      return new Map(names.map((name) => [name, writes.get(name) ?? []]));
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await agent.destroy();
    },
  };
}

function note(writes: Map<string, RecordedWrite[]>, path: string, headers: Readonly<Record<string, string>>, body: string): void {
  const [, resource = '', name = '', subresource] = /\/namespaces\/[^/]+\/([a-z]+)\/([^/?]+)(?:\/([a-z]+))?/.exec(path) ?? [];
  const isSource = resource === 'gitopssources';
  if (!isSource && !(objectResources as readonly string[]).includes(resource)) return;
  const kind = !isSource ? 'object' : subresource === 'status' ? 'status' : 'metadata';
  const before = writes.get(name) ?? [];
  const status = before.find((write) => kind === 'status' && write.kind === 'status');
  if (status === undefined) {
    writes.set(name, [...before, { kind, method: 'PATCH', path, headers, body }]);
    return;
  }
  // A slow machine has the operator say that it is under way; the least that must be written says all at once.
  const whole = JSON.stringify(merged(JSON.parse(status.body), JSON.parse(body)));
  writes.set(
    name,
    before.map((write) => (write === status ? { ...write, body: whole } : write)),
  );
}

/** One merge patch (RFC 7386) that does what two do one after the other. */
function merged(first: unknown, second: unknown): unknown {
  if (!isMap(first) || !isMap(second)) return second;
  const whole: Record<string, unknown> = { ...first };
  for (const [key, value] of Object.entries(second)) whole[key] = key in first ? merged(first[key], value) : value;
  return whole;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkWrites(name: string, writes: readonly RecordedWrite[]): void {
  const kinds = writes.map((write) => write.kind);
  const objects = kinds.filter((kind) => kind === 'object').length;
  if (kinds.length !== requestsPerSource || objects !== objectResources.length || kinds[0] !== 'metadata')
    throw new Error(`${name} wrote ${kinds.join(', ') || 'nothing'}: a metadata patch, its objects and one status patch are expected`);
}

function endToEnd(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!hopByHop.has(name) && value !== undefined) kept[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return kept;
}

/** JSON is YAML. */
function kubeconfig(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'bench', cluster: { server } }],
    users: [{ name: 'bench', user: {} }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench', namespace: 'default' } }],
    'current-context': 'bench',
  });
}
