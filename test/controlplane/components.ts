/** The command lines of a control plane's processes. */
import type { CertFiles } from './pki.ts';

/** Flags by name without dashes; null takes a default away, a list states the flag once for each. */
export type Flags = Readonly<Record<string, string | readonly string[] | null>>;

/** `--name=value` for each flag of `defaults` and `extra`, which wins. */
export function renderFlags(defaults: Flags, extra: Flags = {}): string[] {
  return Object.entries({ ...defaults, ...extra }).flatMap(([name, value]) =>
    value === null ? [] : (typeof value === 'string' ? [value] : value).map((one) => `--${name}=${one}`),
  );
}

/** A single throwaway member: nothing is synced to disk. */
export function etcdFlags(dataDir: string, port: number, peerPort: number): Flags {
  const url = `http://127.0.0.1:${port}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  return {
    name: 'default',
    'data-dir': dataDir,
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `default=${peerUrl}`,
    'unsafe-no-fsync': 'true',
    'log-level': 'warn',
  };
}

export interface AuditOptions {
  readonly path: string;
  readonly policyPath: string;
}

/** RBAC, certificates and service account tokens; loopback only. */
export function apiServerFlags(options: {
  readonly port: number;
  readonly etcdUrl: string;
  readonly certs: CertFiles;
  /** Without a controller manager no namespace gets its default account, and no pod could be made. */
  readonly serviceAccountAdmission: boolean;
  readonly audit?: AuditOptions | undefined;
}): Flags {
  const { certs, port } = options;
  return {
    'advertise-address': '127.0.0.1',
    'bind-address': '127.0.0.1',
    'secure-port': String(port),
    'etcd-servers': options.etcdUrl,
    'cert-dir': certs.dir,
    'tls-cert-file': certs.servingCert,
    'tls-private-key-file': certs.servingKey,
    'client-ca-file': certs.caCert,
    'service-account-issuer': `https://127.0.0.1:${port}/`,
    'service-account-key-file': certs.serviceAccountPublicKey,
    'service-account-signing-key-file': certs.serviceAccountKey,
    'authorization-mode': 'RBAC',
    'allow-privileged': 'true',
    // The default /24 is full at 253 Services.
    'service-cluster-ip-range': '10.0.0.0/16',
    // The reconciler refuses to publish a loopback address.
    'endpoint-reconciler-type': 'none',
    'disable-admission-plugins': options.serviceAccountAdmission ? null : 'ServiceAccount',
    'audit-log-path': options.audit?.path ?? null,
    'audit-policy-file': options.audit?.policyPath ?? null,
    // Megabytes: never rotated.
    'audit-log-maxsize': options.audit === undefined ? null : '100000',
  };
}

/** An audit policy that records each finished request at one level. */
export function auditPolicy(level: AuditLevel): string {
  return JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules: [{ level }] });
}

export type AuditLevel = 'Metadata' | 'Request' | 'RequestResponse';

/** All controllers (node-lifecycle among them, without which no node becomes schedulable); serves nothing itself. */
export function controllerManagerFlags(kubeconfigPath: string, certs: CertFiles): Flags {
  return {
    kubeconfig: kubeconfigPath,
    'leader-elect': 'false',
    'bind-address': '127.0.0.1',
    'secure-port': '0',
    'service-account-private-key-file': certs.serviceAccountKey,
    'root-ca-file': certs.caCert,
    'kube-api-qps': '200',
    'kube-api-burst': '400',
  };
}

/** Serves nothing itself. */
export function schedulerFlags(kubeconfigPath: string): Flags {
  return { kubeconfig: kubeconfigPath, 'leader-elect': 'false', 'bind-address': '127.0.0.1', 'secure-port': '0' };
}

/** Plays kubelet for every node; no container is ever started. */
export function kwokFlags(kubeconfigPath: string, port: number): Flags {
  return {
    kubeconfig: kubeconfigPath,
    'manage-all-nodes': 'true',
    cidr: '10.244.0.1/24',
    'node-ip': '10.0.0.1',
    'node-lease-duration-seconds': '40',
    'server-address': `127.0.0.1:${port}`,
  };
}

/** A node for kwok to play, roomy enough for any test. */
export function fakeNode(name: string): object {
  const room = { cpu: '64', memory: '256Gi', pods: '500' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
      labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', type: 'kwok' },
    },
    status: { capacity: room, allocatable: room },
  };
}
