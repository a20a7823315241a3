/** What the broker and test files say to each other. */
import type { Credentials } from '../controlplane/pki.ts';

/** The environment variable through which jest's main process tells its workers where the broker is. */
export const brokerVariable = 'PLUMBLINE_TEST_BROKER';

/** The environment variable that holds the path of the bundled operator. */
export const operatorVariable = 'PLUMBLINE_TEST_OPERATOR';

export interface LeaseRequest {
  /** False: without the GitOpsSource CRD. Default true. */
  readonly crd?: boolean;
}

export interface PlaneInfo {
  readonly id: string;
  readonly server: string;
  readonly kubeconfigPath: string;
  readonly admin: Credentials;
  readonly workDir: string;
  /** Path of the binary. */
  readonly kubectl: string;
  readonly auditLog: string;
}
