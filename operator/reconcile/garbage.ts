/**
 * Collects what many changes left behind once it is quiet: V8 collects when something is allocated, so a process at rest would
 * hold the garbage of a storm for as long as the rest takes.
 */

/** Collects all of it at once, and moves what is left together; undefined where Node was not started with --expose-gc. */
export function collector(): (() => void) | undefined {
  const { gc } = globalThis;
  return gc && ((): void => gc({ type: 'major', flavor: 'last-resort', execution: 'sync' }));
}

export interface GarbageOptions {
  /** Of `collector`. */
  readonly collect: (() => void) | undefined;
  /** Nothing is collected any more after it. */
  readonly signal: AbortSignal;
}

/** Fewer changes than these leave nothing worth a collection. */
const many = 1_000;
/** It is quiet once nothing changed for this long, milliseconds: nobody waits then for what takes a quarter of a second. */
const quietMs = 10_000;

/** Gives what is to be called with each change. */
export function createGarbageCollection({ collect, signal }: GarbageOptions): () => void {
  if (collect === undefined) return () => {};
  let changes = 0;
  let timer: NodeJS.Timeout | undefined;
  const quiet = (): void => {
    changes = 0;
    timer = undefined;
    collect();
  };
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  return () => {
    changes += 1;
    if (changes < many || signal.aborted) return;
    if (timer === undefined) timer = setTimeout(quiet, quietMs).unref();
    else timer.refresh();
  };
}
