/** Who we are to the API server, and where that is looked for. */

/** What a connection needs. Never logged: holds keys. */
export interface TlsOptions {
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly servername?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

export interface Credentials {
  /** `https://10.0.0.1:443`, perhaps with a path. */
  readonly server: string;
  /** The pod's namespace, or that of the kubeconfig's context. */
  readonly namespace: string | undefined;
  readonly inCluster: boolean;
  readonly tls: TlsOptions;
  /** An HTTP proxy on the way to the API server. */
  readonly proxyUrl: string | undefined;
  /** The headers that prove it, as of now: tokens rotate. Throws PlumblineError. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** After a 401: the next `headers` asks anew instead of using what it knows. */
  expire(): void;
}

/** Where to look; the environment is read by whoever calls. */
export interface CredentialPlaces {
  /** The value of KUBECONFIG: files, joined as in PATH. */
  readonly kubeconfig?: string | undefined;
  /** The home directory, for `.kube/config`. */
  readonly home?: string | undefined;
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
  readonly serviceHost?: string | undefined;
  readonly servicePort?: string | undefined;
  /** Default `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly serviceAccountDirectory?: string | undefined;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
}
