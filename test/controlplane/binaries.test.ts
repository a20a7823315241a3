import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { cacheFolder, cacheRoot, chooseMinor, cleanCache, ensureBinaries, firstHolding } from './binaries.ts';
import { kubernetesBinaries, readModule } from './pins.ts';
import { waitFor } from './wait-for.ts';

describe('where the cache is', () => {
  test.each([
    [{ HOME: '/home/ada' }, '/home/ada/.cache/plumbline'],
    [{ HOME: '/home/ada', XDG_CACHE_HOME: '/var/cache/ada' }, '/var/cache/ada/plumbline'],
    [{ HOME: '/home/ada', XDG_CACHE_HOME: '' }, '/home/ada/.cache/plumbline'],
    [{ HOME: '/home/ada', XDG_CACHE_HOME: 'relative' }, '/home/ada/.cache/plumbline'],
  ])('%j', (environment, root) => {
    expect(cacheRoot(environment)).toBe(root);
  });
});

describe('which minor runs', () => {
  const pinned = ['1.37', '1.36'];
  test.each([
    ['nothing is asked for', undefined, undefined, { minor: '1.37', useAssets: true }],
    ['K8S is empty', '', undefined, { minor: '1.37', useAssets: true }],
    ['K8S asks', '1.36', undefined, { minor: '1.36', useAssets: true }],
    ['assets of a pinned minor are given', undefined, '1.36', { minor: '1.36', useAssets: true }],
    ['assets of another minor are given', undefined, '1.30', { minor: '1.37', useAssets: true }],
    ['K8S asks for what the assets are', '1.36', '1.36', { minor: '1.36', useAssets: true }],
    ['K8S asks for something else than the assets', '1.36', '1.37', { minor: '1.36', useAssets: false }],
  ])('when %s', (_, asked, ofAssets, chosen) => {
    expect(chooseMinor(asked, ofAssets, pinned)).toEqual(chosen);
  });
  test('one that is not pinned is refused, and those that are get named', () => {
    expect(() => chooseMinor('1.20', undefined, pinned)).toThrow('K8S=1.20 is not pinned; there are 1.37, 1.36');
  });
});

test('the first folder that holds a binary wins', () => {
  const folders = [
    ['/assets', new Set(['etcd'] as const)],
    ['/cache', new Set(['etcd', 'kubectl'] as const)],
  ] as const;
  expect(firstHolding('etcd', folders)).toBe('/assets');
  expect(firstHolding('kubectl', folders)).toBe('/cache');
  expect(firstHolding('helm', folders)).toBeUndefined();
});

describe('bringing binaries', () => {
  let base = '';
  let environment: Record<string, string> = {};
  const said: string[] = [];
  const progress = { say: (text: string): void => void said.push(text), tick: (text: string): void => void said.push(text) };
  const calls = async (): Promise<string[]> =>
    existsSync(join(base, 'calls')) ? (await readFile(join(base, 'calls'), 'utf8')).trim().split('\n') : [];

  /** A `go` that says what it was asked for and writes what it was told to build. */
  async function fakeGo(body: string): Promise<void> {
    const script = `#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho "$3" >> ${base}/calls\n${body}\n`;
    await mkdir(join(base, 'bin'), { recursive: true });
    await writeFile(join(base, 'bin/go'), script, { mode: 0o755 });
  }
  async function executable(path: string, text = '#!/bin/sh\n'): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { mode: 0o755 });
  }

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'plumbline-binaries-'));
    environment = { PATH: `${base}/bin:/usr/bin:/bin`, HOME: base, XDG_CACHE_HOME: join(base, 'cache') };
    said.length = 0;
    await fakeGo('echo built > "$2"; chmod +x "$2"; echo example.com/a/package >&2');
  });
  afterEach(() => rm(base, { recursive: true, force: true }));

  test('builds what is missing, once, and finds it the next time', async () => {
    const first = await ensureBinaries(['helm', 'kwok'], { environment, progress });
    expect(first.helm).toMatch(/cache\/plumbline\/bin\/helm-v[\d.]+-[0-9a-f]{12}\/helm$/);
    expect(await ensureBinaries(['helm', 'kwok'], { environment, progress })).toEqual(first);
    expect(await calls()).toEqual(['helm.sh/helm/v3/cmd/helm', 'sigs.k8s.io/kwok/cmd/kwok']);
    expect(said[0]).toMatch(/^building helm v/);
    expect(await readdir(dirname(first.helm))).toEqual(['helm']);
  });

  test('builds once when two want it at the same time', async () => {
    await fakeGo('sleep 0.3; echo built > "$2"; chmod +x "$2"');
    await Promise.all([ensureBinaries(['helm'], { environment, progress }), ensureBinaries(['helm'], { environment, progress })]);
    expect(await calls()).toHaveLength(1);
    expect(said).toContain(`waiting for process ${process.pid}, which is bringing the control plane`);
  });

  test('takes from KUBEBUILDER_ASSETS what it holds, and the rest from the cache', async () => {
    const assets = join(base, 'assets');
    const cached = cacheFolder(cacheRoot(environment), await readModule('k8s-1.36', `${process.platform}-${process.arch}`));
    await executable(join(assets, 'kube-apiserver'), '#!/bin/sh\necho Kubernetes v1.36.0\n');
    await executable(join(assets, 'etcd'));
    await Promise.all(kubernetesBinaries.map((name) => executable(join(cached, name))));
    const names = ['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager'] as const;
    expect(await ensureBinaries(names, { environment: { ...environment, KUBEBUILDER_ASSETS: assets }, progress })).toEqual({
      etcd: join(assets, 'etcd'),
      'kube-apiserver': join(assets, 'kube-apiserver'),
      kubectl: join(cached, 'kubectl'),
      'kube-controller-manager': join(cached, 'kube-controller-manager'),
    });
    expect(await calls()).toEqual([]);
  });

  test('leaves KUBEBUILDER_ASSETS aside when another minor is asked for, and says so', async () => {
    const assets = join(base, 'assets');
    const cached = cacheFolder(cacheRoot(environment), await readModule('k8s-1.36', `${process.platform}-${process.arch}`));
    await executable(join(assets, 'kube-apiserver'), '#!/bin/sh\necho Kubernetes v1.37.2\n');
    await executable(join(cached, 'kube-apiserver'));
    const found = await ensureBinaries(['kube-apiserver'], {
      environment: { ...environment, KUBEBUILDER_ASSETS: assets, K8S: '1.36' },
      progress,
    });
    expect(found['kube-apiserver']).toBe(join(cached, 'kube-apiserver'));
    expect(said).toEqual(['KUBEBUILDER_ASSETS holds another minor than 1.36 and is left aside']);
  });

  test('a file that cannot be run is no binary', async () => {
    const assets = join(base, 'assets');
    await executable(join(assets, 'helm'));
    await chmod(join(assets, 'helm'), 0o644);
    const found = await ensureBinaries(['helm'], { environment: { ...environment, KUBEBUILDER_ASSETS: assets }, progress });
    expect(found.helm).toContain('/cache/');
  });

  test('a build that fails says what go said, and leaves nothing half there', async () => {
    await fakeGo('echo half > "$2"; echo "x.go:1:2: undefined: y" >&2; exit 1');
    await expect(ensureBinaries(['kwok'], { environment, progress })).rejects.toThrow('go build kwok ended with 1\nx.go:1:2: undefined: y');
    const [folder = ''] = await readdir(join(base, 'cache/plumbline/bin'));
    expect(await readdir(join(base, 'cache/plumbline/bin', folder))).toEqual([]);
  });

  test('a machine without go is told where to get it', async () => {
    const without = { ...environment, PATH: join(base, 'empty') };
    await expect(ensureBinaries(['kwok'], { environment: without, progress })).rejects.toThrow(
      'go is not installed: get it from https://go.dev/dl/',
    );
  });

  test('a run that is killed takes its build along, and the next one goes on', async () => {
    await fakeGo(`echo $$ > ${base}/go-pid; exec sleep 600`);
    const script = `import { ensureBinaries } from ${JSON.stringify(join(import.meta.dirname, 'binaries.ts'))};
      await ensureBinaries(['kwok'], { environment: process.env });`;
    const first = spawn(process.execPath, ['--input-type=module', '-e', script], { env: environment, stdio: 'ignore' });
    const pid = await waitFor('the build runs', async () => Number(await readFile(join(base, 'go-pid'), 'utf8')));
    first.kill('SIGKILL');
    await waitFor('the build is gone', () => {
      try {
        return !process.kill(pid, 0);
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'ESRCH';
      }
    });
    await fakeGo('echo built > "$2"; chmod +x "$2"');
    const { kwok } = await ensureBinaries(['kwok'], { environment, progress });
    expect(await readFile(kwok, 'utf8')).toBe('built\n');
    expect(await readdir(dirname(kwok))).toEqual(['kwok']);
  });

  test('cleaning takes the cache away and nothing beside it', async () => {
    await ensureBinaries(['kwok'], { environment, progress });
    await writeFile(join(base, 'cache/other'), '');
    expect(await cleanCache(environment)).toBe(join(base, 'cache/plumbline'));
    expect(await readdir(join(base, 'cache'))).toEqual(['other']);
  });
});
