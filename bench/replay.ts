/** The bare client: nothing but undici and sixteen connections, sending what the operator sent. */
import { Pool } from 'undici';
import type { Credentials } from '../test/controlplane/pki.ts';
import type { RecordedWrite, Recording } from './recorder.ts';

/**
 * Sends every source's writes, those of one source in their order, as many sources at a time as there are connections.
 * A recorded resourceVersion becomes that of the source as it is here. Rejects at the first answer that is no success.
 */
export async function replay(
  recording: Recording,
  versions: ReadonlyMap<string, string>,
  server: Credentials,
  connections: number,
): Promise<void> {
  const pool = new Pool(server.server, {
    connections,
    pipelining: 1,
    connect: { ca: server.caPem, cert: server.certPem, key: server.keyPem },
  });
  const sources = [...recording].map(([name, writes]) => writes.map((write) => here(write, versions.get(name))));
  const left = sources.values();
  const work = async (): Promise<void> => {
    for (const writes of left) for (const write of writes) await send(pool, write);
  };
  try {
    await Promise.all(Array.from({ length: connections }, work));
  } finally {
    await pool.destroy();
  }
}

async function send(pool: Pool, { method, path, headers, body }: RecordedWrite): Promise<void> {
  const answer = await pool.request({ method, path, headers, body });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
}

function here(write: RecordedWrite, resourceVersion: string | undefined): RecordedWrite {
  if (write.kind !== 'metadata') return write;
  const patch = JSON.parse(write.body) as { metadata: Record<string, unknown> };
  return { ...write, body: JSON.stringify({ ...patch, metadata: { ...patch.metadata, resourceVersion } }) };
}
