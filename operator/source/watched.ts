/** A transfer that stops moving, or never ends, is given up. */
import { PlumblineError } from '../errors.ts';

export interface Deadlines {
  /** Within each such span `progressBytes` have to come. Milliseconds. */
  readonly idleMs: number;
  /** For all of it. Milliseconds. */
  readonly deadlineMs: number;
}

/** What counts as progress: a server that sends a byte now and then does not get on. */
const progressBytes = 1024;

/**
 * Runs `work` with a signal that ends it when too little comes, or when it takes too long; `came` is told of bytes as
 * they come, and of none when they might begin to. Throws PlumblineError GitTimeout then.
 */
export async function watched<T>(
  where: string,
  { idleMs, deadlineMs }: Deadlines,
  signal: AbortSignal,
  work: (signal: AbortSignal, came: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const giveUp = (message: string): void => controller.abort(new PlumblineError({ reason: 'GitTimeout', message }));
  let bytes = 0;
  let pulse: NodeJS.Timeout | undefined;
  const check = (): void => {
    if (bytes < progressBytes) giveUp(`${where} sent ${bytes === 0 ? 'nothing' : `only ${bytes} bytes`} of a pack for ${seconds(idleMs)}`);
    bytes = 0;
  };
  const came = (more: number): void => {
    bytes += more;
    pulse ??= setInterval(check, idleMs);
  };
  const end = setTimeout(() => giveUp(`${where} was not done after ${seconds(deadlineMs)}`), deadlineMs);
  const all = AbortSignal.any([signal, controller.signal]);
  try {
    return await work(all, came);
  } catch (error) {
    // Whatever the end of a transfer looks like from within, this is why it ended.
    throw all.aborted ? all.reason : error;
  } finally {
    clearInterval(pulse);
    clearTimeout(end);
  }
}

/** Tells `came` of every chunk, and of the beginning. */
export async function* counted(body: AsyncIterable<Buffer>, came: (bytes: number) => void): AsyncGenerator<Buffer> {
  came(0);
  for await (const chunk of body) {
    came(chunk.length);
    yield chunk;
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
