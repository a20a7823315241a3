/** Finding the control plane's binaries, and bringing those that are missing. */
import { execFile } from 'node:child_process';
import { access, constants, copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildBinary } from './build.ts';
import { withLock } from './lock.ts';
import { type BinaryName, type Module, defaultMinor, moduleOf, pinnedMinors, readModule, releasedBinaries } from './pins.ts';
import { type Progress, progressOn } from './progress.ts';

export interface BinariesOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

const run = promisify(execFile);
/** A release archive has about 150 MB. */
const downloadTimeoutMs = 600_000;

/** Where everything that is kept between runs lies. */
export function cacheRoot(environment: BinariesOptions['environment']): string {
  const home = environment['HOME'] ?? homedir();
  // The XDG specification has relative paths ignored.
  const base = environment['XDG_CACHE_HOME'];
  return join(base?.startsWith('/') ? base : join(home, '.cache'), 'plumbline');
}

/** The folder in which the binaries of a module lie; of a Kubernetes set it can serve as KUBEBUILDER_ASSETS. */
export function cacheFolder(root: string, module: Module): string {
  const version = module.version;
  return join(root, 'bin', `${module.name.startsWith('k8s-') ? 'kubernetes' : module.name}-${version}-${module.hash}`);
}

/** The first folder that holds the binary, in the order given; undefined where none does. */
export function firstHolding(
  binary: BinaryName,
  folders: readonly (readonly [folder: string, held: ReadonlySet<BinaryName>])[],
): string | undefined {
  return folders.find(([, held]) => held.has(binary))?.[0];
}

/**
 * Which minor to run on: what was asked for, else that of the API server in KUBEBUILDER_ASSETS (its parts have to fit
 * together) where its set is pinned, else the default.
 */
export function chooseMinor(
  asked: string | undefined,
  ofAssets: string | undefined,
  pinned: readonly string[],
): { minor: string; useAssets: boolean } {
  if (asked !== undefined && asked !== '') {
    if (!pinned.includes(asked)) throw new Error(`K8S=${asked} is not pinned; there are ${pinned.join(', ')}`);
    return { minor: asked, useAssets: ofAssets === undefined || ofAssets === asked };
  }
  return { minor: ofAssets !== undefined && pinned.includes(ofAssets) ? ofAssets : defaultMinor, useAssets: true };
}

/**
 * The paths of `names`: from KUBEBUILDER_ASSETS, else from the cache, else by release download, else built. Environment
 * variable K8S asks for another minor. Rejects when one can be had in no way.
 */
export async function ensureBinaries<N extends BinaryName>(
  names: readonly N[],
  options: BinariesOptions,
): Promise<Readonly<Record<N, string>>> {
  const { environment, progress = progressOn(process.stderr) } = options;
  const assets = environment['KUBEBUILDER_ASSETS'];
  const { minor, useAssets } = chooseMinor(environment['K8S'], await minorOfAssets(assets), await pinnedMinors());
  if (assets && !useAssets) progress.say(`KUBEBUILDER_ASSETS holds another minor than ${minor} and is left aside`);
  const root = cacheRoot(environment);
  const modules = new Map<string, Module>();
  for (const name of new Set(names.map((binary) => moduleOf(binary, minor)))) {
    modules.set(name, await readModule(name, `${process.platform}-${process.arch}`));
  }

  const find = async (binary: N): Promise<string | undefined> => {
    const module = modules.get(moduleOf(binary, minor));
    if (module === undefined) throw new Error(`${binary} has no module`);
    const folders = [...(assets && useAssets ? [assets] : []), cacheFolder(root, module)];
    const held = await Promise.all(folders.map(async (folder) => [folder, await holds(folder, [binary])] as const));
    const folder = firstHolding(binary, held);
    return folder === undefined ? undefined : join(folder, binary);
  };
  const findAll = async (): Promise<Map<N, string | undefined>> =>
    new Map(await Promise.all(names.map(async (name) => [name, await find(name)] as const)));

  let found = await findAll();
  if ([...found.values()].includes(undefined)) {
    await mkdir(root, { recursive: true });
    const bring = async (): Promise<void> => {
      for (const [name, module] of modules) {
        // Another process may have brought them while this one waited.
        const missing = names.filter((binary) => moduleOf(binary, minor) === name).filter((binary) => found.get(binary) === undefined);
        if (missing.length > 0) await bringMissing(missing, module, cacheFolder(root, module), { ...options, progress });
      }
    };
    await withLock(
      join(root, 'lock'),
      async () => {
        found = await findAll();
        await bring();
      },
      {
        onWait: (pid) => progress.say(`waiting for process ${pid}, which is bringing the control plane`),
        ...(options.signal && { signal: options.signal }),
      },
    );
    found = await findAll();
  }
  const paths: Partial<Record<N, string>> = {};
  for (const [name, path] of found) {
    if (path === undefined) throw new Error(`${name} was brought and is not there`);
    paths[name] = path;
  }
  return paths as Record<N, string>;
}

/** Takes away everything that is kept between runs; Go's own caches stay. */
export async function cleanCache(environment: BinariesOptions['environment']): Promise<string> {
  const root = cacheRoot(environment);
  await rm(root, { recursive: true, force: true });
  return root;
}

async function bringMissing(
  missing: readonly BinaryName[],
  module: Module,
  folder: string,
  options: BinariesOptions & { progress: Progress },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  let left = missing;
  if (missing.some((binary) => releasedBinaries.includes(binary))) {
    await download(missing, module, folder, options);
    const now = await holds(folder, missing);
    left = missing.filter((binary) => !now.has(binary));
  }
  for (const binary of left) await buildBinary({ ...options, binary, module, outDir: folder });
}

async function download(
  missing: readonly BinaryName[],
  module: Module,
  folder: string,
  options: BinariesOptions & { progress: Progress },
): Promise<void> {
  const { progress } = options;
  const aside = join(folder, '.download');
  progress.say(`looking for the release binaries of Kubernetes ${module.version}`);
  try {
    // Its KUBEBUILDER_ASSETS would win over the download.
    const env = {
      ...options.environment,
      KUBEBUILDER_ASSETS: '',
      TEST_ASSET_ETCD: '',
      TEST_ASSET_KUBE_APISERVER: '',
      TEST_ASSET_KUBECTL: '',
    };
    const child = [join(import.meta.dirname, 'download.ts'), module.version, aside];
    const { stdout } = await run(process.execPath, child, {
      env,
      timeout: downloadTimeoutMs,
      ...(options.signal && { signal: options.signal }),
    });
    for (const binary of missing.filter((one) => releasedBinaries.includes(one))) {
      const whole = join(folder, `.${binary}.${process.pid}`);
      await copyFile(join(stdout.trim(), binary), whole);
      await rename(whole, join(folder, binary));
      progress.say(`downloaded ${binary} ${module.version}`);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1);
    progress.say(`no release binaries (${said || (error as Error).message}); building instead`);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function holds<N extends BinaryName>(folder: string, binaries: readonly N[]): Promise<ReadonlySet<N>> {
  const there = await Promise.all(
    binaries.map((binary) =>
      access(join(folder, binary), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return new Set(binaries.filter((_, index) => there[index]));
}

/** `1.37`, as the API server in the folder says; undefined where there is none. */
async function minorOfAssets(folder: string | undefined): Promise<string | undefined> {
  if (!folder || !(await holds(folder, ['kube-apiserver'])).has('kube-apiserver')) return undefined;
  const { stdout } = await run(join(folder, 'kube-apiserver'), ['--version']);
  return /v(\d+\.\d+)\./.exec(stdout)?.[1];
}
