import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { allBinaries, buildArgs, defaultMinor, inputHash, modulesDir, pinnedMinors, pinnedVersion, readModule } from './pins.ts';

test('the minors are pinned, newest first, the default among them', async () => {
  const minors = await pinnedMinors();
  expect(minors).toEqual(['1.37', '1.36']);
  expect(minors).toContain(defaultMinor);
});

test.each(['k8s-1.37', 'k8s-1.36', 'helm', 'kwok'])('%s says which version it pins, and replaces every part by the same', async (name) => {
  const goMod = await readFile(join(modulesDir, name, 'go.mod'), 'utf8');
  const version = pinnedVersion(goMod);
  expect(version).toMatch(/^v\d+\.\d+\.\d+$/);
  const replaced = [...goMod.matchAll(/^\tk8s\.io\/\S+ => k8s\.io\/\S+ v0\.(\S+)$/gm)].map((found) => `v1.${found[1]}`);
  expect(new Set(replaced)).toEqual(new Set(name.startsWith('k8s-') ? [version] : []));
  if (name.startsWith('k8s-')) expect(version.startsWith(`v${name.slice(4)}.`)).toBe(true);
});

test('each binary is built stripped, from its own package, with its version stamped in', () => {
  for (const binary of allBinaries) {
    const args = buildArgs(binary, 'v1.37.2', '/out/it');
    expect(args.slice(0, 4)).toEqual(['build', '-v', '-trimpath', '-ldflags']);
    expect(args[4]).toMatch(/^-s -w .*v1\.37\.2/);
    expect(args.slice(5, 7)).toEqual(['-o', '/out/it']);
  }
  expect(buildArgs('kube-apiserver', 'v1.36.3', 'x')[4]).toContain('gitMajor=1 -X k8s.io/component-base/version.gitMinor=36');
});

describe('the cache key', () => {
  const inputs = { goMod: 'module x', goSum: 'a h1:b', platform: 'linux-x64', commands: [['build', '-o', 'x']] };
  test('is the same for the same inputs', () => {
    expect(inputHash({ ...inputs })).toBe(inputHash(inputs));
    expect(inputHash(inputs)).toMatch(/^[0-9a-f]{12}$/);
  });
  test.each([
    ['go.mod', { goMod: 'module y' }],
    ['go.sum', { goSum: 'a h1:c' }],
    ['the platform', { platform: 'darwin-arm64' }],
    ['a flag', { commands: [['build', '-race', '-o', 'x']] }],
  ])('is another when %s changes', (_, change) => {
    expect(inputHash({ ...inputs, ...change })).not.toBe(inputHash(inputs));
  });
  test('of one module says nothing of another', async () => {
    const [helm, kwok] = await Promise.all([readModule('helm', 'linux-x64'), readModule('kwok', 'linux-x64')]);
    expect(helm.hash).not.toBe(kwok.hash);
  });
});
