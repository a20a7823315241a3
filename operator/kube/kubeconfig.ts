/** Credentials out of kubeconfig files. Loaded only when there is one: client-node is heavy. */
import { KubeConfig } from '@kubernetes/client-node';
import type { User } from '@kubernetes/client-node';
import { PlumblineError } from '../errors.ts';
import { cachedHeaders } from './cached-headers.ts';
import type { Credentials, TlsOptions } from './credentials-types.ts';

interface KubeconfigOptions {
  /** Whether a program may be run for credentials, as kubectl does. */
  readonly allowExec: boolean;
  readonly monotonic: () => number;
}

/** What client-node fills in for a request. */
interface Filled extends TlsOptions {
  readonly headers?: Readonly<Record<string, unknown>>;
  /** `user:password` */
  readonly auth?: string;
}

/** The current context of these files, the first of which has precedence. Throws PlumblineError ApiServerUnavailable. */
export async function kubeconfigCredentials(files: readonly string[], options: KubeconfigOptions): Promise<Credentials> {
  const config = load(files);
  const named = files.join(', ');
  const context = config.getContextObject(config.getCurrentContext());
  const cluster = config.getCurrentCluster();
  if (context === null || cluster === null) return refuse(`${named} has no current context with a cluster`);
  if (cluster.proxyUrl?.startsWith('socks')) return refuse(`${named} names a SOCKS proxy; only HTTP proxies are supported`);
  if (!options.allowExec && runsProgram(config.getCurrentUser())) {
    return refuse(`${named} would run a program for its credentials, which is refused inside a cluster; use a service account`);
  }
  const fill = async (): Promise<Filled> => {
    const filled = {};
    await config.applyToHTTPSOptions(filled);
    return filled;
  };
  const first = await fill().catch((error: unknown) => refuse(`the credentials of ${named} cannot be used`, error));
  const { ca, cert, key, servername, rejectUnauthorized } = first;
  return {
    server: cluster.server,
    namespace: context.namespace,
    inCluster: false,
    tls: { ca, cert, key, servername, rejectUnauthorized },
    proxyUrl: cluster.proxyUrl,
    ...cachedHeaders(
      async () => headersOf(await fill().catch((error: unknown) => refuse(`the credentials of ${named} cannot be renewed`, error))),
      options.monotonic,
    ),
  };
}

function load(files: readonly string[]): KubeConfig {
  const [first, ...more] = files.map((file) => {
    const config = new KubeConfig();
    try {
      config.loadFromFile(file);
    } catch (error) {
      // A parser's message quotes the lines around the fault, keys and tokens among them: it is no cause to keep.
      refuse(`${file} is no readable kubeconfig (${codeOf(error)})`);
    }
    return config;
  });
  if (first === undefined) return refuse('there is no kubeconfig');
  mergeInto(first, more);
  // client-node refuses plain HTTP unless told that certificates do not matter; there are none.
  first.clusters = first.clusters.map((cluster) => (cluster.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster));
  return first;
}

/** As kubectl merges: what an earlier file says of a name stays. */
function mergeInto(config: KubeConfig, more: readonly KubeConfig[]): void {
  for (const other of more) {
    config.clusters = firstOfEachName([...config.clusters, ...other.clusters]);
    config.users = firstOfEachName([...config.users, ...other.users]);
    config.contexts = firstOfEachName([...config.contexts, ...other.contexts]);
    if (!config.getCurrentContext()) config.setCurrentContext(other.getCurrentContext());
  }
}

function firstOfEachName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  const seen = new Map<string, T>();
  for (const item of items) if (!seen.has(item.name)) seen.set(item.name, item);
  return [...seen.values()];
}

/** An exec plugin, or one of the older kinds that run a command. */
function runsProgram(user: User | null): boolean {
  if (user === null) return false;
  const provider = user.authProvider as { readonly config?: Readonly<Record<string, unknown>> } | undefined;
  return Boolean(user.exec) || provider?.config?.['cmd-path'] !== undefined || provider?.config?.['exec'] !== undefined;
}

function headersOf({ headers = {}, auth }: Filled): Readonly<Record<string, string>> {
  const basic = auth === undefined ? [] : [['authorization', `Basic ${Buffer.from(auth).toString('base64')}`]];
  return Object.fromEntries([...basic, ...Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)])]);
}

/** `EACCES` of the file system, or the class of a parser's error. */
function codeOf(error: unknown): string {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  return String(code ?? name);
}

function refuse(message: string, cause?: unknown): never {
  throw new PlumblineError({ reason: 'ApiServerUnavailable', message }, { cause });
}
