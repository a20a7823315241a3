/** Telling a person that something long is going on. */

export interface Progress {
  /** A step that begins or ends: always a line of its own. */
  say(text: string): void;
  /** How far the step is; on a terminal it replaces the line before. */
  tick(text: string): void;
}

/** Progress on a stream: in place on a terminal, else a line now and then. */
export function progressOn(stream: { write(text: string): unknown; readonly isTTY?: boolean }, now: () => number = Date.now): Progress {
  let pending = false;
  let lastLine = now();
  const quietMs = 1_900;
  return {
    say(text) {
      stream.write(`${pending ? '\r\u001b[K' : ''}${text}\n`);
      pending = false;
      lastLine = now();
    },
    tick(text) {
      if (stream.isTTY === true) {
        stream.write(`\r\u001b[K${text}`);
        pending = true;
      } else if (now() - lastLine >= quietMs) {
        stream.write(`${text}\n`);
        lastLine = now();
      }
    },
  };
}

/** `1m05s`, `12s`. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}
