/** What a test process and the spawner say to each other: a byte of kind, four of length, the payload. */

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It could not be started. */
  readonly failure?: { readonly message: string; readonly code: string | undefined };
}

export const kinds = { command: 0, stdin: 1, endOfInput: 2, stdout: 3, stderr: 4, exit: 5 } as const;

export interface Frame {
  readonly kind: number;
  readonly payload: Buffer;
}

const head = 5;

/** Longer output and input goes in pieces, so that taking them apart stays cheap. */
const longest = 65_536;

/** The frames of some bytes of a stream, one after the other. */
export function frames(kind: number, bytes: Buffer): Buffer {
  if (bytes.length <= longest) return frame(kind, bytes);
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += longest) all.push(frame(kind, bytes.subarray(at, at + longest)));
  return Buffer.concat(all);
}

export function frame(kind: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(head + payload.length);
  bytes.writeUInt8(kind, 0);
  bytes.writeUInt32BE(payload.length, 1);
  payload.copy(bytes, head);
  return bytes;
}

/** Takes a stream apart, chunk by chunk. */
export function readFrames(): (chunk: Buffer) => readonly Frame[] {
  let buffer: Buffer = Buffer.alloc(0);
  return (chunk) => {
    buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk]);
    const found: Frame[] = [];
    while (buffer.length >= head && buffer.length >= head + buffer.readUInt32BE(1)) {
      const end = head + buffer.readUInt32BE(1);
      const payload = buffer.subarray(head, end);
      const kind = buffer.readUInt8(0);
      buffer = buffer.subarray(end);
      found.push({ kind, payload });
    }
    return found;
  };
}
