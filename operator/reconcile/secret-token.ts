/** Tokens in Secrets that a source names: read when they are needed, kept for seconds, never told. */
import type { KubeClient } from '../kube/client.ts';
import { getObject } from '../kube/operations.ts';
import { secretResource } from './secret.ts';

export interface TokenReaderOptions {
  readonly client: KubeClient;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
  readonly signal: AbortSignal;
  /** Told when a Secret cannot be read; the next try is made when the answer is no longer kept. */
  readonly onError: (secret: string, error: unknown) => void;
}

/** Key `token` of Secret `namespace/name`; undefined where there is none, it is empty, or the Secret cannot be read. */
export type TokenReader = (namespace: string, name: string) => Promise<Buffer | undefined>;

/** How long a token, or that there is none, is believed: a Secret that is rotated is noticed after this; milliseconds. */
const keptMs = 10_000;
const maxKept = 4_096;

/** Asked for many times at once, a Secret is read once. */
export function createTokenReader({ client, monotonic, signal, onError }: TokenReaderOptions): TokenReader {
  const kept = new Map<string, { readonly at: number; readonly token: Promise<Buffer | undefined> }>();

  async function read(namespace: string, name: string): Promise<Buffer | undefined> {
    try {
      const secret = await getObject(client, secretResource, { ...secretResource, namespace, name }, { signal, timeoutMs: 5_000 });
      const data = (secret?.['data'] ?? {}) as Readonly<Record<string, unknown>>;
      return tokenOf(data['token']);
    } catch (error) {
      if (!signal.aborted) onError(`${namespace}/${name}`, error);
      return undefined;
    }
  }

  return (namespace, name) => {
    const key = `${namespace}/${name}`;
    const now = monotonic();
    const known = kept.get(key);
    if (known !== undefined && now - known.at < keptMs) return known.token;
    const token = read(namespace, name);
    kept.delete(key);
    kept.set(key, { at: now, token });
    const [oldest] = kept.keys();
    if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
    return token;
  };
}

/** A newline at the end is what `echo` left there. An empty token would let everybody in. */
export function tokenOf(encoded: unknown): Buffer | undefined {
  if (typeof encoded !== 'string') return undefined;
  const token = Buffer.from(encoded, 'base64')
    .toString('latin1')
    .replace(/[\r\n]+$/, '');
  return token === '' ? undefined : Buffer.from(token, 'latin1');
}
