/**
 * Takes care that nothing stays behind when this process dies, however it dies: a small shell of its own session waits
 * for the end of a pipe that only this process holds, then kills what is left and removes what it was told.
 */
import { spawn } from 'node:child_process';

// One line per change: `pid 12`, `gone 12`, `dir /tmp/x`. Ends with the pipe. Process groups are killed where there is one.
const script = `
pids=' '
nl='
'
dirs=
while read -r verb value; do
  case $verb in
    pid) pids="$pids$value " ;;
    gone) case $pids in *" $value "*) pids="\${pids%% $value *} \${pids#* $value }" ;; esac ;;
    dir) dirs="$dirs$value$nl" ;;
  esac
done
for pid in $pids; do kill -9 "-$pid" 2>/dev/null || kill -9 "$pid" 2>/dev/null; done
IFS=$nl
for dir in $dirs; do rm -rf "$dir" || { sleep 1; rm -rf "$dir"; }; done
exit 0
`;

export interface Watchdog {
  /** Has a process (and its group, where it leads one) killed when this process dies. */
  guard(pid: number): void;
  /** The process has ended; its pid may be another's soon. */
  gone(pid: number): void;
  /** Has a folder removed when this process dies, or at `close`. */
  remove(dir: string): void;
  /** Kills what is still guarded, removes the folders, and resolves when that is done. */
  close(): Promise<void>;
}

/** Starts a watchdog; it never keeps this process alive. */
export function startWatchdog(): Watchdog {
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
  ended.catch(() => undefined); // told by close
  child.stdin.on('error', () => undefined); // a watchdog that was killed guards nothing; its end is told by close
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  const say = (line: string): void => void child.stdin.write(`${line}\n`);
  return {
    guard: (pid) => say(`pid ${pid}`),
    gone: (pid) => say(`gone ${pid}`),
    remove(dir) {
      if (!dir.startsWith('/') || dir.includes('\n') || dir === '/') throw new Error(`no folder to remove: ${dir}`);
      say(`dir ${dir}`);
    },
    async close() {
      child.ref();
      child.stdin.end();
      await ended;
    },
  };
}
