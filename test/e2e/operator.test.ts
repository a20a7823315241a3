import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { waitFor } from '../controlplane/wait-for.ts';
import { metricValue, startOperator } from './operator.ts';

/** Stands in for the operator: what the harness asks of a process, and nothing else. */
const standIn = `
  import { createServer } from 'node:http';
  const address = process.argv.find((one) => one.startsWith('--metrics-address=')).split('=')[1];
  console.log(JSON.stringify({ msg: 'started', flags: process.argv.slice(2), kubeconfig: process.env.KUBECONFIG, home: process.env.HOME, extra: process.env.EXTRA }));
  console.error('plain words');
  if (process.argv.includes('--break')) process.exit(2);
  const began = Date.now();
  createServer((request, response) => {
    response.statusCode = request.url === '/readyz' && Date.now() - began < 200 ? 503 : 200;
    response.end('ticks{side="left"} 4\\n');
  }).listen(Number(address.split(':')[1]), '127.0.0.1');
  process.on('SIGTERM', () => process.exit(0));
`;

describe('an operator process', () => {
  let dir = '';
  let entry = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'plumbline-stand-in-'));
    entry = join(dir, 'main.mjs');
    await writeFile(entry, standIn);
  });
  afterAll(() => rm(dir, { recursive: true }));

  test('is ready when it says so, with its own addresses, home and credentials', async () => {
    await using operator = await startOperator({
      kubeconfigPath: '/some/kubeconfig',
      entry,
      flags: ['--log-level=debug'],
      env: { EXTRA: 'yes' },
    });
    const [line] = operator.logs();
    expect(line).toMatchObject({ msg: 'started', kubeconfig: '/some/kubeconfig', extra: 'yes' });
    expect(line?.['flags']).toEqual([
      expect.stringMatching(/^--metrics-address=127\.0\.0\.1:\d+$/),
      expect.stringMatching(/^--webhook-address=127\.0\.0\.1:\d+$/),
      '--leader-elect=false',
      '--log-level=debug',
    ]);
    expect(operator.output()).toContain('plain words');
    expect(await operator.metric('ticks', { side: 'left' })).toBe(4);
  });

  test('ends by SIGTERM, and nothing of it is left', async () => {
    const operator = await startOperator({ kubeconfigPath: '/none', entry });
    const home = String(operator.logs()[0]?.['home']);
    expect(existsSync(home)).toBe(true);
    expect(await operator.stop()).toEqual({ code: 0, signal: null });
    expect(existsSync(home)).toBe(false);
    expect(await operator.stop()).toEqual({ code: 0, signal: null });
  });

  test('can be killed, also while it is paused', async () => {
    const operator = await startOperator({ kubeconfigPath: '/none', entry });
    operator.pause();
    const answered = await Promise.race([operator.metrics().then(() => true), waitFor('a while', slept(150)).then(() => false)]);
    expect(answered).toBe(false);
    expect(await operator.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('goes on after a pause', async () => {
    await using operator = await startOperator({ kubeconfigPath: '/none', entry });
    operator.pause();
    operator.resume();
    expect(await operator.metric('ticks')).toBe(4);
  });

  test('that ends before it is ready is told with what it wrote', async () => {
    const starting = startOperator({ kubeconfigPath: '/none', entry, flags: ['--break'] });
    await expect(starting).rejects.toThrow(/the operator is ready: it ended with 2\n[^]*plain words/);
  });
});

/** A probe that is true once so many milliseconds have passed. */
function slept(ms: number): () => boolean {
  const until = Date.now() + ms;
  return () => Date.now() >= until;
}

describe('metricValue', () => {
  const text = '# HELP a b\nq_total 3\nobjects{source="a",state="x"} 1\nobjects{source="b",state="x"} 2.5\n';
  test.each([
    ['q_total', {}, 3],
    ['objects', { source: 'b' }, 2.5],
    ['objects', { state: 'x', source: 'a' }, 1],
    ['objects', { source: 'c' }, undefined],
    ['absent', {}, undefined],
  ])('%s %j is %s', (name, labels, value) => {
    expect(metricValue(text, name, labels)).toBe(value);
  });
});
