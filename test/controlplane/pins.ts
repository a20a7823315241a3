/** Which binaries there are, and how each is built: pinned by the go.mod and go.sum files under modules/. */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export const modulesDir = join(import.meta.dirname, 'modules');
/** The minor that tests run on unless another is asked for. */
export const defaultMinor = '1.37';

export const kubernetesBinaries = ['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager', 'kube-scheduler'] as const;
export const allBinaries = [...kubernetesBinaries, 'kwok', 'helm'] as const;
export type BinaryName = (typeof allBinaries)[number];

/** What envtest's release archives hold. */
export const releasedBinaries: readonly BinaryName[] = ['etcd', 'kube-apiserver', 'kubectl'];

/** A go.mod with what is built from it; its binaries lie together in one folder of the cache. */
export interface Module {
  /** Folder under modules/: `k8s-1.37`, `helm`, `kwok`. */
  readonly name: string;
  /** `v1.37.2` */
  readonly version: string;
  /** Of everything that decides what is built, but for the Go version. */
  readonly hash: string;
}

const packages: Readonly<Record<BinaryName, string>> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  kwok: 'sigs.k8s.io/kwok/cmd/kwok',
  helm: 'helm.sh/helm/v3/cmd/helm',
};

/** The name of the folder under modules/ that a binary is built in. */
export function moduleOf(binary: BinaryName, minor: string): string {
  return binary === 'kwok' || binary === 'helm' ? binary : `k8s-${minor}`;
}

/** The arguments of `go` that build a binary to `output`. */
export function buildArgs(binary: BinaryName, version: string, output: string): string[] {
  return ['build', '-v', '-trimpath', '-ldflags', linkFlags(binary, version), '-o', output, packages[binary]];
}

/** A release build stamps its version in; the API server derives what it serves from it. */
function linkFlags(binary: BinaryName, version: string): string {
  const plain = '-s -w';
  const [major = '', minor = ''] = version.replace(/^v/, '').split('.');
  const stamp = (name: string, value: string): string => `-X ${name}=${value}`;
  switch (binary) {
    case 'helm': {
      const [kubeMajor = '', kubeMinor = ''] = defaultMinor.split('.');
      // What `helm template` and `helm lint` take for the cluster's version, which a chart's kubeVersion is held against.
      const assumed = ['pkg/chartutil', 'pkg/lint/rules'].flatMap((name) => [
        stamp(`helm.sh/helm/v3/${name}.k8sVersionMajor`, kubeMajor),
        stamp(`helm.sh/helm/v3/${name}.k8sVersionMinor`, kubeMinor),
      ]);
      return [plain, stamp('helm.sh/helm/v3/internal/version.version', version), ...assumed].join(' ');
    }
    case 'kwok':
      return [plain, stamp('sigs.k8s.io/kwok/pkg/consts.Version', version)].join(' ');
    default: {
      const base = 'k8s.io/component-base/version';
      return [plain, stamp(`${base}.gitVersion`, version), stamp(`${base}.gitMajor`, major), stamp(`${base}.gitMinor`, minor)].join(' ');
    }
  }
}

/** The version that a go.mod requires of the module its tools are in. */
export function pinnedVersion(goMod: string): string {
  const found = /^\s*(?:require )?(?:k8s\.io\/kubernetes|helm\.sh\/helm\/v3|sigs\.k8s\.io\/kwok) (v[0-9.]+)/m.exec(goMod)?.[1];
  if (found === undefined) throw new Error('go.mod requires none of the known modules');
  return found;
}

/** The cache key of a module: the same inputs, the same binaries. */
export function inputHash(inputs: {
  readonly goMod: string;
  readonly goSum: string;
  readonly platform: string;
  readonly commands: readonly string[][];
}): string {
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12);
}

/** Reads one module. `platform` is `linux-x64` and so on. */
export async function readModule(name: string, platform: string, dir = modulesDir): Promise<Module> {
  const [goMod, goSum] = await Promise.all(['go.mod', 'go.sum'].map((file) => readFile(join(dir, name, file), 'utf8')));
  if (goMod === undefined || goSum === undefined) throw new Error(`${name} has no go.mod or go.sum`);
  const version = pinnedVersion(goMod);
  const own = allBinaries.filter((binary) => moduleOf(binary, name.replace('k8s-', '')) === name);
  const commands = own.map((binary) => buildArgs(binary, version, binary));
  return { name, version, hash: inputHash({ goMod, goSum, platform, commands }) };
}

/** The minors that are pinned, newest first. */
export async function pinnedMinors(dir = modulesDir): Promise<string[]> {
  const names = await readdir(dir);
  const minors = names.flatMap((name) => /^k8s-(\d+\.\d+)$/.exec(name)?.[1] ?? []);
  return minors.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }));
}
