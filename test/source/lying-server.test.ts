import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import { resolveRef } from '../../operator/source/refs.ts';
import type { GitClient, RefSpec } from '../../operator/source/types.ts';
import { startLyingProxy } from '../gitserver/lying-proxy.ts';
import type { LyingProxy, WireFault } from '../gitserver/lying-proxy.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitServer } from '../gitserver/index.ts';
import { isSoak, sampled, seededRandom } from '../soak.ts';
import { cut } from './cut.ts';

// A server that is cut, falls silent, or lies at every byte position of a fetch, from its first header to its last byte:
// never a wrong snapshot, never a hang, always a reason, and the next poll heals. All positions in a soak, else a sample.

const signal = new AbortController().signal;
/** How long a server may be silent: short where the test waits for it, with room for a git that starts slowly. */
const idleMs = { cut: 10_000, stall: 1_500, flip: 1_500 };
/** Far above what a fetch with a silence in it takes, also on a busy machine. */
const hangMs = 20_000;
/** Reads at a time: most of the thousands of a soak wait for a silence. */
const lanes = isSoak() ? 16 : 4;
const sample = 16;

/** A busy machine can be slower than a client waits whose silences are short; one of the polls after that has to do. */
async function patiently<T>(poll: () => Promise<T>, polls = 5): Promise<T> {
  try {
    return await poll();
  } catch (error) {
    if (polls > 1 && error instanceof PlumblineError && error.reason === 'GitTimeout') return patiently(poll, polls - 1);
    throw error;
  }
}

/** Everything that a source would learn of the commit. */
async function read(client: GitClient, url: string, spec: RefSpec): Promise<string> {
  const refs = await client.listRefs(url, anonymous, signal, ['refs/tags/']);
  const checkout = await client.checkout(url, anonymous, resolveRef(refs, spec), signal);
  const { tree, files } = await cut(checkout, 'prod');
  const contents = files.map(({ path, oid, content }) => [path, oid, content.toString('hex')]);
  return JSON.stringify([checkout.commit, checkout.signed.commit.toString(), checkout.signed.tag?.toString(), tree, contents]);
}

const clientFor = (kind: WireFault['kind']): GitClient =>
  createGitClient({ timeouts: { idleMs: idleMs[kind], connectMs: 5_000 }, deadlineMs: 10_000 });

describe.each<[string, RefSpec, boolean, boolean]>([
  ['a branch, protocol version 2', { branch: 'main' }, true, false],
  ['an annotated tag, from a server that filters', { tag: 'v1.0.0' }, true, true],
  ['a range, protocol version 0', { semver: '1.x' }, false, false],
])('%s', (_, spec, protocolV2, allowFilter) => {
  let server: GitServer;
  let path = '';
  let truth = '';
  let length = 0;
  const proxies: LyingProxy[] = [];

  beforeAll(async () => {
    server = await startGitServer({ protocolV2 });
    const repo = await server.createRepo('shop.git', { allowFilter });
    path = '/shop.git';
    const lines = Array.from({ length: 60 }, (__, line) => `line-${line}: ${line}\n`).join('');
    await repo.write({ 'prod/a.yaml': lines, 'prod/b/c.yaml': 'c: 1\n', 'other/x.yaml': 'x\n', 'prod/link.yaml': { symlink: 'a.yaml' } });
    // Alike, so that a delta is sent.
    const commit = await repo.write({ 'prod/d.yaml': `${lines}more: 1\n` });
    await repo.tag('v1.0.0', commit, 'A release');
    await repo.git('repack', '-adfq');
    for (let lane = 0; lane < lanes; lane += 1) proxies.push(await startLyingProxy(server.url));
    const [proxy] = proxies as [LyingProxy];
    proxy.fail(undefined);
    const client = clientFor('cut');
    truth = await read(client, `${proxy.url}${path}`, spec);
    length = proxy.passed;
    await client.close();
  }, 30_000);
  afterAll(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await server.close();
  });

  /** What is wrong with how this fault was met; undefined when nothing is. */
  async function meet(proxy: LyingProxy, fault: WireFault): Promise<string | undefined> {
    const client = clientFor(fault.kind);
    const url = `${proxy.url}${path}`;
    const began = performance.now();
    try {
      proxy.fail(fault);
      const met = await read(client, url, spec).then(
        (answer) => (answer === truth ? undefined : `a wrong snapshot: ${answer}`),
        (error: unknown) => unfit(error),
      );
      if (met !== undefined) return met;
      if (performance.now() - began > hangMs) return `it took ${Math.round(performance.now() - began)} ms`;
      proxy.fail(undefined);
      const healed = await patiently(() => read(client, url, spec));
      return healed === truth ? undefined : `the next poll does not heal: ${healed}`;
    } catch (error) {
      return `the next poll does not heal: ${String(error)}`;
    } finally {
      await client.close();
    }
  }

  test.each(['cut', 'stall', 'flip'] as const)(
    '%s at any byte',
    async (kind) => {
      expect(length).toBeGreaterThan(1_000);
      const random = seededRandom(length);
      const faults = Array.from({ length }, (__, at): WireFault => ({ kind, at, mask: 1 << Math.floor(random() * 8) }));
      const waiting = [...sampled(faults, sample, 5)];
      const wrong: string[] = [];
      await Promise.all(
        proxies.map(async (proxy) => {
          for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) {
            const met = await meet(proxy, fault);
            if (met !== undefined) wrong.push(`${kind} at ${fault.at} of ${length} (${fault.mask}): ${met.slice(0, 2_000)}`);
          }
        }),
      );
      expect(wrong).toEqual([]);
    },
    isSoak() ? 3_600_000 : 120_000,
  );
});

/** Why an error is none for people; undefined when it is. */
function unfit(error: unknown): string | undefined {
  if (!(error instanceof PlumblineError)) return `thrown: ${error instanceof Error ? error.stack : String(error)}`;
  if (error.reason === 'InternalError') return `InternalError: ${error.stack}`;
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f-\u009f]/.test(error.message) || error.message.length > 1_000)
    return `a message unfit to be shown: ${error.message}`;
  return undefined;
}
