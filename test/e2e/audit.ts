/** Which requests reached the API server: its audit log, read from a moment on. */
import { randomUUID } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import type { Requester } from '../controlplane/request.ts';
import { waitFor } from '../controlplane/wait-for.ts';

/** The part of an audit event (audit.k8s.io/v1) that tests look at. */
export interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly impersonatedUser?: { readonly username: string };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly apiGroup?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly stage: 'ResponseStarted' | 'ResponseComplete' | 'Panic';
}

export interface Audit {
  /** Every request since this was made, in the order of their ends; a watch is told when it begins (ResponseStarted). */
  events(): Promise<AuditEvent[]>;
}

/** Begins to read an audit log at its present end. */
export async function readAudit(path: string, request: Requester): Promise<Audit> {
  const from = await settledEnd(path, request);
  return {
    async events() {
      const text = await readBetween(path, from, await settledEnd(path, request));
      const events = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as AuditEvent]));
      return events.filter((event) => event.userAgent?.startsWith(markAgent) !== true);
    },
  };
}

/** When the status of a namespace's sources was written, milliseconds since the epoch. */
export function statusWrites(events: readonly AuditEvent[], namespace: string): readonly number[] {
  const isStatus = ({ verb, objectRef }: AuditEvent): boolean =>
    verb === 'patch' && objectRef?.resource === 'gitopssources' && objectRef.subresource === 'status' && objectRef.namespace === namespace;
  return events.filter(isStatus).map((event) => Date.parse(event.requestReceivedTimestamp));
}

/** What the operator wrote to objects of this resource in the namespace, dry runs included, as `patch /apis/…`. */
export function writesTo(
  events: readonly AuditEvent[],
  { namespace }: { readonly namespace: string },
  resource: string,
): readonly string[] {
  return events
    .filter(({ verb, objectRef, userAgent }) => {
      const ours = userAgent?.startsWith('plumbline/') === true && !/^(get|list|watch)$/.test(verb);
      return ours && objectRef?.namespace === namespace && objectRef.resource === resource;
    })
    .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
}

const markAgent = 'plumbline-audit-mark/';

/** The length of the log once everything that was answered before is in it: a request of our own is waited for. */
async function settledEnd(path: string, request: Requester): Promise<number> {
  const mark = `${markAgent}${randomUUID()}`;
  const before = (await stat(path).catch(() => undefined))?.size ?? 0;
  await request.ok('GET', '/version', { headers: { 'user-agent': mark } });
  return await waitFor('the audit log holds the mark', async () => {
    const { size } = await stat(path);
    const text = await readBetween(path, before, size);
    const at = text.indexOf(mark);
    const end = text.indexOf('\n', at);
    return at >= 0 && end >= 0 && before + Buffer.byteLength(text.slice(0, end + 1));
  });
}

async function readBetween(path: string, from: number, to: number): Promise<string> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(Math.max(to - from, 0));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
