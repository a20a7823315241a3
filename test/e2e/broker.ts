/**
 * Lends control planes to test files. A file has its plane to itself; what is given back is cleaned and lent again, so
 * that a run starts no more of them than it has workers. It lives in jest's main process; a lease lasts as long as its
 * connection, so a worker that dies gives back what it held.
 */
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { join } from 'node:path';
import { ensureBinaries } from '../controlplane/binaries.ts';
import { kubectlCache } from '../controlplane/kubectl.ts';
import { type BinaryPaths, type ControlPlane, startControlPlane } from '../controlplane/start.ts';
import { bringCrd, cleanPlane, removeCrd } from './clean.ts';
import type { LeaseRequest, PlaneInfo } from './protocol.ts';

const crdFile = join(import.meta.dirname, '../../crds/plumbline.dev_gitopssources.yaml');

interface Plane {
  readonly id: string;
  readonly controlPlane: ControlPlane;
  readonly info: PlaneInfo;
  /** What is left by its user is not fit for the next. */
  spoilt: boolean;
}

export interface Broker {
  /** Where workers find it, and the word they have to say. */
  readonly url: string;
  readonly token: string;
  /** Stops every plane. */
  close(): Promise<void>;
}

/** Starts the broker; planes are started when they are asked for. */
export async function startBroker(environment: Readonly<Record<string, string | undefined>>): Promise<Broker> {
  const token = randomUUID();
  const idle: Plane[] = [];
  const planes = new Map<string, Plane>();
  const closing = new AbortController();
  let bringing: Promise<BinaryPaths> | undefined;
  let crdText: Promise<string> | undefined;
  const binaries = (): Promise<BinaryPaths> =>
    (bringing ??= ensureBinaries(['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager'], { environment }));

  const start = async (): Promise<Plane> => {
    const paths = await binaries();
    const id = randomUUID();
    // Several run at once; one processor each spares what Go spends on sharing work out.
    const controlPlane = await startControlPlane({ binaries: paths, processors: 1, audit: 'Metadata', signal: closing.signal });
    const { server, kubeconfigPath, admin, workDir, auditLog } = controlPlane;
    const plane: Plane = {
      id,
      controlPlane,
      info: { id, server, kubeconfigPath, admin, workDir, kubectl: paths.kubectl, auditLog },
      spoilt: false,
    };
    planes.set(id, plane);
    return plane;
  };
  const drop = async (plane: Plane): Promise<void> => {
    planes.delete(plane.id);
    await plane.controlPlane.stop();
  };
  const lend = async (request: LeaseRequest): Promise<Plane> => {
    const plane = idle.pop() ?? (await start());
    const { request: requester } = plane.controlPlane;
    if (request.crd === false) await removeCrd(requester);
    else await bringCrd(requester, await (crdText ??= readFile(crdFile, 'utf8')));
    return plane;
  };
  const takeBack = async (plane: Plane): Promise<void> => {
    if (closing.signal.aborted) return;
    const usable = !plane.spoilt && plane.controlPlane.pids()['kube-apiserver'] !== undefined;
    const clean = async (): Promise<void> => {
      await cleanPlane(plane.controlPlane.request);
      // What kubectl keeps there about kinds may be true no more.
      await rm(kubectlCache(plane.controlPlane.workDir), { recursive: true, force: true });
    };
    if (
      usable &&
      (await clean().then(
        () => true,
        () => false,
      ))
    )
      idle.push(plane);
    else await drop(plane);
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500);
      response.end((error as Error).stack);
    });
  });
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.headers.authorization !== `Bearer ${token}`) throw new Error('who asks?');
    const body = JSON.parse((await textOf(request)) || '{}');
    const [, what, id = '', action] = (request.url ?? '').split('/');
    if (what === 'lease') {
      const left = new Promise<void>((resolve) => response.once('close', resolve));
      const plane = await lend(body);
      response.writeHead(200).write(`${JSON.stringify(plane.info)}\n`);
      await left;
      await takeBack(plane);
      return;
    }
    const plane = planes.get(id);
    if (plane === undefined) throw new Error(`no plane ${id}`);
    response.end(JSON.stringify((await act(plane, action, body)) ?? null));
  };

  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the broker has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    token,
    async close() {
      closing.abort(new Error('the run is over'));
      server.close();
      server.closeAllConnections();
      await Promise.all([...planes.values()].map(drop));
    },
  };
}

async function act(
  plane: Plane,
  action: string | undefined,
  body: { signal?: NodeJS.Signals; name?: string; groups?: string[] },
): Promise<unknown> {
  const { controlPlane } = plane;
  switch (action) {
    case 'stop-apiserver':
      return await controlPlane.stopApiServer(body.signal);
    case 'start-apiserver':
      return await controlPlane.startApiServer();
    case 'add-user':
      return await controlPlane.addUser({ name: body.name ?? '', groups: body.groups ?? [] });
    case 'pids':
      return controlPlane.pids();
    case 'spoil':
      plane.spoilt = true;
      return undefined;
    default:
      throw new Error(`no action ${action}`);
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
