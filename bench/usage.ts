/** What a process and its children cost, as the kernel counts it. Linux only. */
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface Usage {
  /** CPU seconds since the start, ended children included. */
  readonly cpuSeconds: number;
  readonly rssMib: number;
  /** The most that each has had so far. */
  readonly peakMib: number;
}

const run = promisify(execFile);

/** The sum over `pid` and everything below it. */
export async function usageOf(pid: number): Promise<Usage> {
  const { stdout } = await run('getconf', ['CLK_TCK']);
  const ticks = Number(stdout);
  const each = await Promise.all((await familyOf(pid)).map((one) => processUsage(one, ticks)));
  return {
    cpuSeconds: each.reduce((sum, one) => sum + one.cpuSeconds, 0),
    rssMib: each.reduce((sum, one) => sum + one.rssMib, 0),
    peakMib: each.reduce((sum, one) => sum + one.peakMib, 0),
  };
}

async function processUsage(pid: number, ticks: number): Promise<Usage> {
  const [stat, status] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/status`, 'utf8')]);
  // proc(5): what follows the command in parentheses begins with field 3; utime to cstime are 14 to 17.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const cpu = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  const kib = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
  return { cpuSeconds: cpu / ticks, rssMib: kib('VmRSS') / 1_024, peakMib: kib('VmHWM') / 1_024 };
}

async function familyOf(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8')));
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  const below = await Promise.all(children.map(familyOf));
  return [pid, ...below.flat()];
}
