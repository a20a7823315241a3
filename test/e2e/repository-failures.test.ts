import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { failsUntouched, failureOf } from './failing.ts';
import { running, waitForEvent } from './refused.ts';
import { configMap, type Stage, useScene } from './scene.ts';
import { waitForCondition, waitUntilApplied } from './sources.ts';

const scene = useScene();
const files = { 'prod/a.yaml': configMap('a') };

async function movesOf(stage: Stage): Promise<readonly string[]> {
  const { items } = JSON.parse(await stage.kubectl('get', 'events.events.k8s.io', '-o', 'json'));
  return items.flatMap(({ reason, note }: { reason: string; note: string }) =>
    ['RefMoved', 'RepositoryReplaced'].includes(reason) ? [note] : [],
  );
}

describe('a ref that is not what it was', () => {
  test.concurrent('a branch that is not there: the nearest names are told; one that is pushed heals', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await stage.repo.write(files);
    await stage.repo.write(files, { branch: 'product' });
    await stage.source({ ref: { branch: 'prod' } });
    expect(await failureOf(cluster, stage, { reason: 'RefNotFound' })).toMatch(
      /^branch prod is not in the repository; there are product, main\. Nothing was changed\. Not Ready since \S+ Push the ref, or correct spec\.ref\.$/,
    );
    await stage.repo.setRef('refs/heads/prod', commit);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test.concurrent('a branch that is deleted prunes nothing, is told with where it was, and goes on when it returns', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await running(cluster, stage, files, { ref: { branch: 'main' } });
    await stage.repo.setRef('refs/heads/other', commit);
    const gone = async () => {
      await stage.repo.deleteBranch('main');
      await stage.request();
    };
    const message = await failsUntouched(cluster, stage, gone, { reason: 'RefNotFound' });
    expect(message).toMatch(
      `branch main is not in the repository; there is other; branch main was there at ${commit.slice(0, 7)} when last seen. Nothing was changed;`,
    );
    await waitForEvent(cluster, stage.namespace, 'shop', 'RefNotFound', 'branch main is not in the repository; there is other');
    await stage.repo.setRef('refs/heads/main', commit);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test.concurrent('an empty repository: nothing is pruned when it is made anew, and the first push heals', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await stage.source();
    expect(await failureOf(cluster, stage, { reason: 'EmptyRepository' })).toMatch(
      /^the repository has no commit yet\. Nothing was changed\. Not Ready since \S+ Push a first commit\.$/,
    );
    const commit = await stage.repo.write(files);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    const emptied = async () => {
      await stage.repo.deleteBranch('main');
      await stage.request();
    };
    expect(await failsUntouched(cluster, stage, emptied, { reason: 'EmptyRepository' })).toContain(
      `HEAD was there at ${commit.slice(0, 7)} when last seen`,
    );
    await stage.repo.setRef('refs/heads/main', commit);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test.concurrent('a force-push is followed and told by an event; a push that goes forward is not', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const first = await running(cluster, stage, files);
    const second = await stage.deploy({ 'prod/b.yaml': configMap('b') });
    const third = await stage.repo.write({ 'prod/c.yaml': configMap('c') }, { parent: first });
    await stage.request();
    await waitUntilApplied(cluster, stage.namespace, 'shop', third);
    await waitForEvent(
      cluster,
      stage.namespace,
      'shop',
      'RefMoved',
      `main was force-pushed: ${second.slice(0, 7)} is no longer part of it; it is now at ${third.slice(0, 7)}.`,
    );
    expect(await cluster.get('configmap', 'b', stage.namespace)).toBeUndefined();
    expect(await movesOf(stage)).toHaveLength(1);
  });

  test.concurrent('another branch in the spec, and a commit of it, are no force-push', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const main = await running(cluster, stage, files);
    const other = await stage.repo.write({ 'prod/b.yaml': configMap('b') }, { branch: 'other', parent: null });
    for (const [ref, commit] of [
      [{ branch: 'other' }, other],
      [{ commit: main }, main],
      [{ branch: 'other' }, other],
    ] as const) {
      await stage.source({ ref });
      await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    }
    // Told behind, and in order: once a real move is told, nothing before it was.
    const third = await stage.repo.write({ 'prod/c.yaml': configMap('c') }, { branch: 'other', parent: null });
    await stage.request();
    await waitUntilApplied(cluster, stage.namespace, 'shop', third);
    await waitForEvent(cluster, stage.namespace, 'shop', 'RepositoryReplaced', `other is at ${third.slice(0, 7)}`);
    expect(await movesOf(stage)).toHaveLength(1);
  });

  test.concurrent('a tag that is moved is followed and told, also forward: tags are not expected to', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const first = await stage.repo.write(files);
    await stage.repo.tag('v1', first, 'Version 1');
    await stage.source({ ref: { tag: 'v1' } });
    const { status } = await waitUntilApplied(cluster, stage.namespace, 'shop', first);
    expect(status.display.revision).toBe(`v1@${first.slice(0, 7)}`);
    const second = await stage.repo.write({ 'prod/b.yaml': configMap('b') });
    await stage.repo.tag('v1', second, 'Version 1 again');
    await stage.request();
    await waitUntilApplied(cluster, stage.namespace, 'shop', second);
    await waitForEvent(cluster, stage.namespace, 'shop', 'RefMoved', `Tag v1 was moved from ${first.slice(0, 7)} to ${second.slice(0, 7)}`);
  });

  test.concurrent('a range follows the highest release, and a new tag in it; one outside of it and a lower one change nothing', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const one = await stage.repo.write(files);
    await stage.repo.tag('v1.2.0', one);
    await stage.source({ ref: { semver: '^1.2' } });
    await waitUntilApplied(cluster, stage.namespace, 'shop', one);
    const two = await stage.repo.write({ 'prod/a.yaml': configMap('a', { key: 'two' }) });
    await stage.repo.tag('v2.0.0', two);
    await stage.repo.tag('v1.1.9', two);
    await stage.repo.tag('v1.10.0', one);
    const three = await stage.repo.write({ 'prod/a.yaml': configMap('a', { key: 'three' }) });
    await stage.repo.tag('v1.11.0', three, 'Release');
    const source = await waitUntilApplied(cluster, stage.namespace, 'shop', three);
    expect(source.status.display.revision).toBe(`v1.11.0@${three.slice(0, 7)}`);
    expect(source.status.history.map(({ commit }: { commit: string }) => commit)).toEqual([three, one]);
  });

  test.concurrent('a range that no tag is in says so', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await stage.repo.write(files);
    await stage.repo.tag('v1.0.0', commit);
    await stage.source({ ref: { semver: '>=2' } });
    expect(await failureOf(cluster, stage, { reason: 'RefNotFound' })).toMatch(
      /^no tag is in the range >=2: the one tag that is a version is outside it\. /,
    );
    await stage.repo.tag('v2.0.0', commit);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test.concurrent('rollback: ref.commit brings an older commit back and keeps it; taking it out goes on with the branch', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const old = await running(cluster, stage, files);
    const now = await stage.deploy({ 'prod/a.yaml': configMap('a', { key: 'new' }) });
    const key = async (): Promise<string> => (await stage.get('configmap', 'a')).data.key;
    await stage.source({ ref: { commit: old } });
    const { status } = await waitUntilApplied(cluster, stage.namespace, 'shop', old);
    expect(status).toMatchObject({ display: { revision: old.slice(0, 7) }, commit: { sha: old }, revision: { observed: { commit: old } } });
    expect(await key()).toBe('value');
    await stage.source();
    await waitUntilApplied(cluster, stage.namespace, 'shop', now);
    expect(await key()).toBe('new');
  });

  test.concurrent('a commit that is not in the repository', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await running(cluster, stage, files);
    const message = await failsUntouched(cluster, stage, () => stage.source({ ref: { commit: 'a'.repeat(40) } }), {
      reason: 'RefNotFound',
    });
    expect(message).toMatch(/^http:\S+\.git does not give commit a{40}: /);
    await stage.source();
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });
});

describe('a path that leads nowhere', () => {
  test.concurrent('is told with what there is; nothing is pruned, and the folder heals when it is pushed', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await running(cluster, stage, { ...files, 'staging/a.yaml': configMap('staging'), 'README.md': '# Shop' }, { path: './prod' });
    const moved = async () => {
      await stage.repo.write({ 'prod/a.yaml': null, 'production/a.yaml': configMap('a') });
      await stage.request();
    };
    const message = await failsUntouched(cluster, stage, moved, { reason: 'PathNotFound' });
    expect(message).toMatch(/^folder prod is not in commit [0-9a-f]{7}; nearest to it are production, staging\. Nothing was changed; /);
    expect(message).toMatch(/Correct spec\.path, or push the folder\.$/);
    await waitUntilApplied(cluster, stage.namespace, 'shop', await stage.repo.write(files));
  });

  test.concurrent('is told apart from a file, and an edit of the spec heals', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await stage.repo.write(files);
    await stage.source({ path: 'prod/a.yaml' });
    expect(await failureOf(cluster, stage, { reason: 'PathNotFound' })).toMatch(
      /^spec\.path prod\/a\.yaml: prod\/a\.yaml is a file, not a folder\. Nothing was changed\. .*Name the folder that holds it\.$/,
    );
    await stage.source({ path: 'prod' });
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });
});

describe('what is never read', () => {
  test.concurrent('a symlink, a submodule and an LFS pointer are refused together, each by name and with the glob that skips it', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await running(cluster, stage, { ...files, 'prod/README.md': '# Shop' }, { path: 'prod' });
    const lfs = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12345\n`;
    const push = async () => {
      await stage.repo.write({
        'prod/link.yaml': { symlink: '../../../etc/passwd' },
        'prod/vendor/lib': { submodule: commit },
        'prod/big.yaml': lfs,
        // Links to what is no manifest hide nothing.
        'prod/LINK.md': { symlink: 'README.md' },
      });
      await stage.request();
    };
    const message = await failsUntouched(cluster, stage, push, { reason: 'RepositoryRefused' });
    for (const line of [
      'prod/big.yaml: the file is in Git LFS, which is not read',
      'prod/link.yaml: a symlink to "../../../etc/passwd", which leaves the repository',
      'prod/vendor/lib: a submodule; submodules are not read',
      'Commit the file itself, or add "big.yaml" to spec.exclude.',
      'Put a plain file or folder in its place, or add "link.yaml" to spec.exclude.',
      'Commit its files themselves, or add "vendor/lib" to spec.exclude.',
    ]) {
      expect(message).toContain(line);
    }
    expect(message).not.toContain('LINK.md');
    await stage.source({ path: 'prod', exclude: ['big.yaml', 'link.yaml', 'vendor/**'] });
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True', reason: 'Applied' });
  });
});

describe('a file of 200 MB', () => {
  const size = 200 * 1024 * 1024;

  /** Begins to measure how far the operator's memory rises above what it is now; tells it in MiB. */
  async function rise(): Promise<() => Promise<number>> {
    const proc = `/proc/${scene().operator.pid}`;
    const read = async (field: string): Promise<number> => {
      const status = await readFile(`${proc}/status`, 'utf8');
      return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN) / 1024;
    };
    // The peak of what other tests did before does not count: proc_pid_clear_refs(5).
    await writeFile(`${proc}/clear_refs`, '5');
    const before = await read('VmRSS');
    return async () => (await read('VmHWM')) - before;
  }

  test.each([
    ['zeros, which pack to nothing', '1', () => Buffer.alloc(size)],
    ['random bytes, which pack to themselves', '0', () => randomBytes(size)],
  ])(
    '%s: named and refused, within bounds of memory; the commit without it heals',
    async (_, compression, bytes) => {
      const { cluster } = scene();
      const stage = await scene().stage();
      await stage.repo.config('core.compression', compression); // the test's own time
      await running(cluster, stage, files);
      const risen = await rise();
      const push = async () => {
        await stage.repo.write({ 'prod/dump.bin': bytes(), 'prod/b.yaml': configMap('b') });
        await stage.request();
      };
      const message = await failsUntouched(cluster, stage, push, { reason: 'RepositoryTooLarge', deadlineMs: 90_000 });
      expect(message).toMatch(/^prod\/dump\.bin: the file is 200 MiB, over the limit of 10 MiB\. /);
      expect(message).toMatch(/Take it out of the path, or add "prod\/dump\.bin" to spec\.exclude\.$/);
      await waitUntilApplied(cluster, stage.namespace, 'shop', await stage.repo.write({ 'prod/dump.bin': null }));
      // Not even half of the file is ever held.
      expect(await risen()).toBeLessThan(100);
    },
    300_000,
  );
});
