import { describe, expect, test } from '@jest/globals';
import type { GitRepo } from '../gitserver/index.ts';
import { waitFor } from './cluster.ts';
import { type Stage, configMap, useScene } from './scene.ts';
import { waitForCondition, waitUntilApplied } from './sources.ts';

const commitKey = 'plumbline.dev/commit';
const boundKey = 'plumbline.dev/commit-bound';

/** The oracle. */
const lastOf = (repo: GitRepo, file: string): Promise<string> => repo.git('log', '-1', '--format=%H', 'main', '--', file);

describe('the commit at which a manifest last changed', () => {
  const scene = useScene();
  const said = async (stage: Stage, name: string): Promise<Record<string, string>> => {
    const { metadata } = (await stage.get('configmap', name)) as {
      metadata: { annotations: Record<string, string>; resourceVersion: string };
    };
    return { ...metadata.annotations, resourceVersion: metadata.resourceVersion };
  };
  const commitOf = async (stage: Stage, name: string): Promise<readonly (string | undefined)[]> => {
    const annotations = await said(stage, name);
    return [annotations[commitKey], annotations[boundKey]];
  };
  const applied = async (stage: Stage): Promise<string> => {
    const tip = (await stage.repo.tip('main')) ?? '';
    await stage.request();
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', tip);
    return tip;
  };

  test('is on each object of a first revision that has a past, and of what several commits bring at once', async () => {
    const stage = await scene().stage();
    const { repo } = stage;
    const one = await repo.write({ 'a.yaml': configMap('a'), 'both.yaml': `${configMap('b')}---\n${configMap('c')}` });
    const two = await repo.write({ 'both.yaml': `# moved\n\n${configMap('c')}---\n${configMap('b', { key: 'next' })}` });
    const three = await repo.write({ 'd.json': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'd' } }) });
    await repo.write({ 'README.md': 'nothing of the cluster\n' });
    await stage.source();
    await applied(stage);
    const all = async () => Promise.all(['a', 'b', 'c', 'd'].map((name) => commitOf(stage, name)));
    expect(await all()).toEqual([one, two, one, three].map((commit) => [commit, undefined]));
    expect([await lastOf(repo, 'a.yaml'), await lastOf(repo, 'd.json')]).toEqual([one, three]);

    const before = await said(stage, 'c');
    const four = await repo.write({ 'a.yaml': configMap('a', { key: 'later' }) });
    const five = await repo.write({ 'both.yaml': `${configMap('b', { key: 'last' })}---\n${configMap('c')}` });
    await repo.write({ 'd.json': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'd' } }, undefined, 2) });
    await applied(stage);
    // The JSON was only laid out anew: nothing was written, and nothing is said.
    expect(await all()).toEqual([four, five, one, three].map((commit) => [commit, undefined]));
    expect(await said(stage, 'c')).toEqual(before);
  });

  test('is the one of the branch that was merged, and the merge itself where it settled a conflict or squashed', async () => {
    const stage = await scene().stage();
    const { repo } = stage;
    const base = await repo.write({ 'a.yaml': configMap('a'), 'b.yaml': configMap('b'), 'c.yaml': configMap('c') });
    await stage.source();
    await applied(stage);
    const side = await repo.write(
      { 'a.yaml': configMap('a', { key: 'side' }), 'b.yaml': configMap('b', { key: 'side' }) },
      { branch: 'side', parent: base },
    );
    await repo.write({ 'b.yaml': configMap('b', { key: 'main' }) });
    // The tree of the merge: a of the side, b of neither.
    const settled = await repo.write(
      { 'a.yaml': configMap('a', { key: 'side' }), 'b.yaml': configMap('b', { key: 'both' }) },
      { branch: 'x', parent: base },
    );
    const merge = await repo.git('commit-tree', `${settled}^{tree}`, '-p', 'main', '-p', side, '-m', 'Merge side');
    await repo.setRef('refs/heads/main', merge);
    await applied(stage);
    expect(await commitOf(stage, 'a')).toEqual([side, undefined]);
    expect(await commitOf(stage, 'b')).toEqual([merge, undefined]);
    expect(await commitOf(stage, 'c')).toEqual([base, undefined]);
    expect([await lastOf(repo, 'a.yaml'), await lastOf(repo, 'b.yaml')]).toEqual([side, merge]);

    const squashed = await repo.write({ 'a.yaml': configMap('a', { key: 'squash' }), 'c.yaml': configMap('c', { key: 'squash' }) });
    await applied(stage);
    expect([await commitOf(stage, 'a'), await commitOf(stage, 'c')]).toEqual([
      [squashed, undefined],
      [squashed, undefined],
    ]);
  });

  test('is a bound where the first revision has more than 250 commits, until the object changes', async () => {
    const stage = await scene().stage();
    const { repo } = stage;
    await repo.config('uploadpack.allowFilter', 'true');
    const first = await repo.write({ 'old.yaml': configMap('old'), 'kept.yaml': configMap('kept') });
    await repo.pad(300);
    const recent = await repo.write({ 'new.yaml': configMap('new') });
    await stage.source();
    await applied(stage);
    const oldest = await repo.git('rev-parse', 'main~249');
    expect(await commitOf(stage, 'old')).toEqual([oldest, 'at-or-before']);
    expect(await commitOf(stage, 'new')).toEqual([recent, undefined]);
    expect(await lastOf(repo, 'old.yaml')).toBe(first);
    const kept = await said(stage, 'kept');
    const changed = await repo.write({ 'old.yaml': configMap('old', { key: 'changed' }) });
    await applied(stage);
    expect(await commitOf(stage, 'old')).toEqual([changed, undefined]);
    expect(await said(stage, 'kept')).toEqual(kept);
  });

  test('stays what it was when an object is put back that somebody deleted or changed', async () => {
    const stage = await scene().stage();
    const commit = await stage.repo.write({ 'a.yaml': configMap('a') });
    await stage.source({ interval: '10m' });
    await applied(stage);
    await stage.repo.write({ 'README.md': 'x' });
    await applied(stage);
    await stage.kubectl('delete', 'configmap', 'a');
    await waitFor('it is back', async () => (await stage.kubectl('get', 'configmap', '-o', 'name')).includes('configmap/a'));
    expect(await commitOf(stage, 'a')).toEqual([commit, undefined]);
    await stage.kubectl('annotate', 'configmap', 'a', 'plumbline.dev/hash=v1:none', `${commitKey}=none`, '--overwrite');
    await waitFor('it is put back', async () => (await commitOf(stage, 'a'))[0] === commit);
  });

  test('goes with the member label when an object is let go of', async () => {
    const stage = await scene().stage();
    await stage.repo.write({ 'old.yaml': configMap('old') });
    await stage.repo.pad(260);
    await stage.repo.write({ 'other.yaml': configMap('other') });
    await stage.source({ prune: false });
    await applied(stage);
    expect((await commitOf(stage, 'old'))[1]).toBe('at-or-before');
    await stage.deploy({ 'old.yaml': null });
    expect(Object.keys(await said(stage, 'old')).filter((key) => key.startsWith('plumbline.dev/'))).toEqual([]);
  });

  test('of what an earlier attempt brought in lets no held prune go by itself', async () => {
    const stage = await scene().stage();
    const names = Array.from({ length: 10 }, (_, index) => index);
    await stage.repo.write(Object.fromEntries(names.map((index) => [`old-${index}.yaml`, configMap(`old-${index}`)])));
    await stage.source();
    await applied(stage);
    await stage.repo.write(Object.fromEntries(names.map((index) => [`new-${index}.yaml`, configMap(`new-${index}`)])));
    const gone = names.slice(2).map((index) => [`old-${index}.yaml`, null]);
    await stage.repo.write(Object.fromEntries(gone));
    await stage.request();
    const held = () =>
      waitForCondition(scene().cluster, stage.namespace, 'shop', {
        status: 'False',
        reason: 'PruneHeld',
        message: '8 of 10 objects would go',
      });
    await held();
    for (let again = 0; again < 2; again += 1) {
      const { status } = await held();
      await stage.request();
      await waitFor('it was tried again', async () => (await held()).status.lastHandledReconcileAt !== status.lastHandledReconcileAt);
    }
    expect((await stage.kubectl('get', 'configmap', '-o', 'name')).match(/old-/g)).toHaveLength(10);
  });
});
