/**
 * One webhook, from bytes to an answer: authenticate → parse → match → poll. The size was capped while the body came in
 * (web/hooks.ts). Whoever is refused learns nothing of why.
 */
import { randomBytes } from 'node:crypto';
import type { GitOpsSource } from '../../api/types.ts';
import type { Logger } from '../../log.ts';
import type { RefSpec } from '../../source/types.ts';
import { forgeOf } from './index.ts';
import { concerns } from './match.ts';
import { Pace } from './pace.ts';
import { UnreadableError } from './types.ts';
import type { Headers, Hint } from './types.ts';

/** What receivers need of the operator. */
export interface ReceiverPort {
  /** The source by `namespace/name`, as this replica's watch knows it. */
  source(key: string): GitOpsSource | undefined;
  /** What the sources of the repository at this URL follow of it; suspended ones follow nothing. */
  refsOf(url: string): readonly RefSpec[];
  /** What the source's forge signs with; undefined where there is none, whyever. */
  token(source: GitOpsSource): Promise<Buffer | undefined>;
  /** Has the source's remote asked now: by this process if it leads, else by the one that does. Throws where it cannot be passed on. */
  hint(source: GitOpsSource): Promise<void>;
}

export interface Answer {
  readonly status: 202 | 400 | 401 | 429 | 503;
  readonly text: string;
  /** Seconds. */
  readonly retryAfter?: number | undefined;
}

export interface ReceiverOptions {
  readonly port: ReceiverPort;
  readonly log: Logger;
  readonly monotonic: () => number;
  /** Hints of one source: so many at once, then one each so many milliseconds. Default 30, 1,000. */
  readonly rate?: { readonly burst: number; readonly everyMs: number };
}

export type Receive = (key: string, headers: Headers, body: Buffer) => Promise<Answer>;

const accepted: Answer = { status: 202, text: 'accepted' };
const refused: Answer = { status: 401, text: 'unauthorized' };
/** Sources whose rate is remembered. */
const maxKeys = 4_096;

/** The receivers of all sources. */
export function createReceiver({ port, log, monotonic, rate = { burst: 30, everyMs: 1_000 } }: ReceiverOptions): Receive {
  const pace = new Pace({ ...rate, keys: maxKeys, monotonic });
  // Who asks for what is not there could fill the log: each source's refusals are told once a minute.
  const complaints = new Pace({ burst: 1, everyMs: 60_000, keys: maxKeys, monotonic });
  const nobodysToken = randomBytes(32);

  /** The token of a source that takes webhooks. Undefined for all others. */
  async function tokenOf(source: GitOpsSource | undefined): Promise<Buffer | undefined> {
    if (source?.spec.receiver === undefined || source.metadata.deletionTimestamp !== undefined) return undefined;
    return port.token(source);
  }

  return async (key, headers, body) => {
    const source = port.source(key);
    const forge = forgeOf(headers);
    const told = { ...namesOf(key), forge: forge.name };
    const token = await tokenOf(source);
    // Without a token the work is the same, and its result is thrown away.
    const isKnown = forge.authenticates(headers, body, token ?? nobodysToken);
    if (source === undefined || token === undefined || !isKnown) {
      const why =
        source === undefined ? 'no such source' : token === undefined ? 'the source has no receiver or no token' : 'wrong signature';
      if (source !== undefined && complaints.take(key) === 0) log.warn('webhook refused', { ...told, why });
      else log.debug('webhook refused', { ...told, why });
      return refused;
    }
    const waitMs = pace.take(key);
    if (waitMs > 0) return { status: 429, text: 'too many requests', retryAfter: Math.ceil(waitMs / 1_000) };
    let hint: Hint | undefined;
    try {
      hint = forge.read(headers, body);
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      log.warn('webhook cannot be read', { ...told, error: error.message });
      return { status: 400, text: error.message };
    }
    const { url } = source.spec;
    const wanted = hint !== undefined && concerns(hint, url, port.refsOf(url));
    log.debug('webhook accepted', { ...told, refs: hint?.refs, wanted });
    if (!wanted) return accepted;
    try {
      await port.hint(source);
    } catch (error) {
      log.warn('webhook cannot be passed on', { ...told, error });
      return { status: 503, text: 'try again later', retryAfter: 5 };
    }
    return accepted;
  };
}

function namesOf(key: string): { readonly namespace: string; readonly source: string } {
  const [namespace = '', source = ''] = key.split('/');
  return { namespace, source };
}
