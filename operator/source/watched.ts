/** A transfer that stops moving, or never ends, is given up. */
import { PlumblineError } from '../errors.ts';

export interface Deadlines {
  /** Within each such span of waiting for the server `progressBytes` have to come. Milliseconds. */
  readonly idleMs: number;
  /** For all of it. Milliseconds. */
  readonly deadlineMs: number;
}

/** Told of a transfer: when it waits for more, and what came. Who reads slowly is not taken for a server that is silent. */
export interface Meter {
  waiting(): void;
  /** 0 at the end, and when it failed. */
  came(bytes: number): void;
}

/** What counts as progress: a server that sends a byte now and then does not get on. */
const progressBytes = 1024;

/**
 * Runs `work` with a signal that ends it when too little comes, or when it takes too long. Throws PlumblineError
 * GitTimeout then. `what`: of what too little came, for the message.
 */
export async function watched<T>(
  where: string,
  { idleMs, deadlineMs }: Deadlines,
  signal: AbortSignal,
  work: (signal: AbortSignal, meter: Meter) => Promise<T>,
  what = 'a pack',
): Promise<T> {
  const controller = new AbortController();
  const giveUp = (message: string): void => controller.abort(new PlumblineError({ reason: 'GitTimeout', message }));
  let bytes = 0;
  let waitedMs = 0;
  let since: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const check = (): void => {
    // On a busy machine the time is over before what came is looked at: that has its turn first.
    const asked = since;
    setImmediate(() => {
      if (since === undefined || since !== asked) return;
      giveUp(`${where} sent ${bytes === 0 ? 'nothing' : `only ${bytes} bytes`} of ${what} for ${seconds(idleMs)}`);
    });
  };
  const meter: Meter = {
    waiting() {
      since = performance.now();
      timer = setTimeout(check, Math.max(1, idleMs - waitedMs));
    },
    came(more) {
      clearTimeout(timer);
      waitedMs += since === undefined ? 0 : performance.now() - since;
      since = undefined;
      bytes += more;
      if (bytes >= progressBytes) [bytes, waitedMs] = [0, 0];
    },
  };
  const end = setTimeout(() => giveUp(`${where} was not done after ${seconds(deadlineMs)}`), deadlineMs);
  // Not AbortSignal.any(): one made for each poll of each remote is work for the collector.
  const follow = (): void => controller.abort(signal.reason);
  if (signal.aborted) follow();
  else signal.addEventListener('abort', follow, { once: true });
  const all = controller.signal;
  try {
    return await work(all, meter);
  } catch (error) {
    // Whatever the end of a transfer looks like from within, this is why it ended.
    throw all.aborted ? all.reason : error;
  } finally {
    since = undefined;
    signal.removeEventListener('abort', follow);
    clearTimeout(timer);
    clearTimeout(end);
  }
}

/** Tells the meter of every chunk, and of the end. */
export async function* metered(body: AsyncIterable<Buffer>, meter: Meter): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      meter.waiting();
      let came = 0;
      let next;
      try {
        next = await chunks.next();
        came = next.done === true ? 0 : next.value.length;
      } finally {
        // Also when it failed: it may be asked once more, and nobody waits meanwhile.
        meter.came(came);
      }
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await chunks.return?.();
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
