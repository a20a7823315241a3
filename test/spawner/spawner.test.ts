import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runProgram, runText, spawnerVariable, startProgram } from './index.ts';

const env = { PATH: process.env['PATH'] };
const run = process.env[spawnerVariable];

describe.each([
  ['the spawner', run],
  ['this process', undefined],
])('a program started by %s', (_, path) => {
  const set = (value: string | undefined): void => {
    if (value === undefined) delete process.env[spawnerVariable];
    else process.env[spawnerVariable] = value;
  };
  beforeAll(() => set(path));
  afterAll(() => set(run));

  test('reads its input, writes to both of its outputs, and ends with its status', async () => {
    const input = [Buffer.alloc(16_000_000, 'a'), Buffer.alloc(3, 'b')];
    const { code, stdout, stderr } = await runProgram('sh', ['-c', 'cat; echo bad >&2; exit 3'], { env, input });
    expect(code).toBe(3);
    expect(stdout.equals(Buffer.concat(input))).toBe(true);
    expect(stderr.toString()).toBe('bad\n');
  });

  test('need not read what it is given', async () => {
    expect(await runText('true', [], { env, timeoutMs: 10_000, input: 'x'.repeat(1_000_000) })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });

  test('that is not there is told as such', async () => {
    await expect(runProgram('plumbline-no-such-program', [], { env })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('is killed at a signal', async () => {
    const abort = new AbortController();
    const ended = runProgram('sleep', ['100'], { env, signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(ended).rejects.toThrow('enough');
  });

  test('is killed with whoever started it', async () => {
    const { stdout, kill, exit } = startProgram('sh', ['-c', 'echo $$; exec sleep 100'], { env });
    const pid = await new Promise<number>((resolve) => stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString()))));
    kill();
    stdout.resume();
    await exit.catch(() => undefined);
    for (;;) {
      try {
        process.kill(pid, 0);
      } catch {
        return;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
});

test('a run has a spawner', () => {
  expect(run).toBeDefined();
});
