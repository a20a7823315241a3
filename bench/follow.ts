/** How far the storm has come, read from the audit log while it grows: no request, and hardly any CPU. */
import { open } from 'node:fs/promises';
import type { AuditEvent } from '../test/e2e/audit.ts';
import { isStatusWrite } from './calls.ts';

/** Gives a function that tells how many sources have a status by now. */
export function followStatuses(auditLog: string): () => Promise<number> {
  const names = new Set<string | undefined>();
  let offset = 0;
  let rest = '';
  return async () => {
    const file = await open(auditLog);
    try {
      const { size } = await file.stat();
      const buffer = Buffer.alloc(size - offset);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      offset += bytesRead;
      // Names and paths are ASCII: no character is cut in two.
      const lines = (rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (!line.includes('"subresource":"status"')) continue;
        const event = JSON.parse(line) as AuditEvent;
        if (isStatusWrite(event)) names.add(event.objectRef?.name);
      }
      return names.size;
    } finally {
      await file.close();
    }
  };
}
