import { expect, test } from '@jest/globals';
import { failsUntouched } from './failing.ts';
import { running, waitForEvent } from './refused.ts';
import { configMap, useScene } from './scene.ts';
import { waitUntilApplied } from './sources.ts';

// What a tree may hold beside plain files and folders, from the push to what people read.

const scene = useScene();

test.concurrent('symlinks within the repository are followed, and what they lead to is followed when it changes', async () => {
  const { cluster } = scene();
  const stage = await scene().stage();
  const files = {
    'base/a.yaml': configMap('a'),
    'base/more/b.yaml': configMap('b'),
    'prod/a.yaml': { symlink: '../base/a.yaml' },
    'prod/more': { symlink: '../base/more' },
    current: { symlink: 'prod' },
  };
  await running(cluster, stage, files, { path: 'current' });
  const value = async (name: string): Promise<string> => (await stage.get('configmap', name)).data.key;
  expect([await value('a'), await value('b')]).toEqual(['value', 'value']);
  // The folder of the source stays as it is: its tree has the same id.
  await stage.deploy({ 'base/more/b.yaml': configMap('b', { key: 'new' }) });
  expect([await value('a'), await value('b')]).toEqual(['value', 'new']);
});

test.concurrent('symlinks that leave or go round, and names that do not show as what they are, are refused together', async () => {
  const { cluster } = scene();
  const stage = await scene().stage();
  await running(cluster, stage, { 'prod/a.yaml': configMap('a') }, { path: 'prod' });
  const push = async (): Promise<void> => {
    await stage.repo.write({
      'prod/out.yaml': { symlink: '../../../etc/passwd' },
      'prod/round': { symlink: '.' },
      'prod/gone.yaml': { symlink: 'nowhere.yaml' },
      'prod/turned\u202e.yaml': configMap('b'),
    });
    await stage.request();
  };
  const message = await failsUntouched(cluster, stage, push, { reason: 'RepositoryRefused' });
  for (const line of [
    'prod/out.yaml: a symlink to "../../../etc/passwd", which leaves the repository',
    'prod/round: a symlink that leads in a circle',
    'prod/gone.yaml: a symlink to "nowhere.yaml", which is not there',
    'prod/turned\ufffd.yaml: the name is no UTF-8, or holds control characters',
    'Put a plain file or folder in its place, or add "out.yaml" to spec.exclude.',
    'Rename it (git mv); git ls-files shows how it is written.',
  ]) {
    expect(message).toContain(line);
  }
  const mended = { 'prod/out.yaml': null, 'prod/round': null, 'prod/gone.yaml': null, 'prod/turned\u202e.yaml': null };
  await stage.deploy(mended);
});

test.concurrent('two files whose names differ by case only are both applied, and told', async () => {
  const { cluster } = scene();
  const stage = await scene().stage();
  const commit = await running(cluster, stage, { 'prod/Web.yaml': configMap('a'), 'prod/web.yaml': configMap('b') });
  await waitForEvent(cluster, stage.namespace, 'shop', 'Notice', 'prod/web.yaml: its name differs from prod/Web.yaml by case only');
  await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  await stage.kubectl('get', 'configmap', 'a', 'b');
});
