/** helm for tests of the chart. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { loadAll } from 'js-yaml';
import { ensureBinaries } from '../controlplane/binaries.ts';
import { type HelmRunner, helmRunner } from '../controlplane/helm.ts';

export const chartDir = join(import.meta.dirname, '../../charts/plumbline');
/** What every rendering needs. */
export const image = ['--set', 'image.repository=registry.example.com/plumbline'];
/** Without a server, helm takes a version of its own, older than the chart allows. */
const kubeVersion = '1.37.0';

export interface Helm extends HelmRunner {
  /** The chart as it is rendered for release plumbline in namespace plumbline. */
  template(...args: string[]): Promise<readonly Rendered[]>;
  /** A folder that is gone after the tests. */
  readonly workDir: string;
}

/** A rendered object, read by path without ceremony. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Rendered = any;

/** Lends the test file (or the `describe`) helm: `const helm = useHelm();`, then `helm()` in its tests. */
export function useHelm(): () => Helm {
  let helm: Helm | undefined;
  beforeAll(async () => {
    const { helm: binary } = await ensureBinaries(['helm'], { environment: process.env });
    helm = helmIn(await mkdtemp(join(tmpdir(), 'plumbline-helm-')), binary);
  }, 600_000);
  afterAll(async () => {
    if (helm !== undefined) await rm(helm.workDir, { recursive: true, force: true });
  });
  return () => {
    if (helm === undefined) throw new Error('helm is there from beforeAll on');
    return helm;
  };
}

function helmIn(workDir: string, binary: string): Helm {
  const runner = helmRunner(binary, workDir);
  return {
    ...runner,
    workDir,
    async template(...args) {
      const text = await runner.ok([
        'template',
        'plumbline',
        chartDir,
        '-n',
        'plumbline',
        '--kube-version',
        kubeVersion,
        ...image,
        ...args,
      ]);
      return loadAll(text).filter((object) => object !== null && object !== undefined);
    },
  };
}

/** Those of a kind. */
export function ofKind(objects: readonly Rendered[], kind: string): readonly Rendered[] {
  return objects.filter((object) => object.kind === kind);
}

/** The only one of a kind; throws where there are more or none. */
export function theOnly(objects: readonly Rendered[], kind: string): Rendered {
  const found = ofKind(objects, kind);
  if (found.length !== 1) throw new Error(`there are ${found.length} objects of kind ${kind}`);
  return found[0];
}
