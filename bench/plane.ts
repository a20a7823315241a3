/** A fresh control plane with the sources on it: what each side of each round begins with. */
import { join } from 'node:path';
import type { BinaryPaths, ControlPlane } from '../test/controlplane/start.ts';
import { startControlPlane } from '../test/controlplane/start.ts';
import type { Flags } from '../test/controlplane/components.ts';
import type { Audit } from '../test/e2e/audit.ts';
import { readAudit } from '../test/e2e/audit.ts';
import { createSources, prepareNamespace } from './fleet.ts';

const crd = join(import.meta.dirname, '../crds/plumbline.dev_gitopssources.yaml');

/** Deployments must not wait for the controller manager's own limits: a source that waits for them would be timed by those. */
const controllerManagerFlags: Flags = { 'kube-api-qps': '5000', 'kube-api-burst': '5000', 'concurrent-deployment-syncs': '50' };

/** What every side of a run shares. */
export interface Field {
  readonly binaries: BinaryPaths;
  /** Of the repository. */
  readonly url: string;
  readonly commit: string;
  readonly count: number;
}

export interface Plane {
  readonly control: ControlPlane;
  /** From the moment on at which everything stood ready. */
  readonly audit: Audit;
  /** resourceVersion of each GitOpsSource, by name. */
  readonly versions: ReadonlyMap<string, string>;
}

/** Runs `work` on a control plane of its own, which is gone afterwards. */
export async function onFreshPlane<T>(field: Field, work: (plane: Plane) => Promise<T>): Promise<T> {
  const control = await startControlPlane({ binaries: field.binaries, audit: 'Metadata', controllerManagerFlags });
  try {
    await control.kubectl('create', '-f', crd);
    await control.kubectl('wait', '--for=condition=Established', '--timeout=30s', '-f', crd);
    await prepareNamespace(control.request);
    const versions = await createSources(control.request, field.url, field.count);
    const audit = await readAudit(control.auditLog, control.request);
    return await work({ control, audit, versions });
  } finally {
    await control.stop();
  }
}
