/** Telling others (spec.notify): what the deliverer needs of the process around it. */
import { X509Certificate } from 'node:crypto';
import type { GitOpsSource, Notification } from '../api/types.ts';
import { PlumblineError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Logger } from '../log.ts';
import { Deliverer } from '../notify/deliverer.ts';
import type { SecretField } from '../notify/deliverer.ts';
import { createSend } from '../notify/send.ts';
import type { EndpointSecret, Settled } from '../notify/types.ts';
import { notifyEvent } from '../report/events.ts';
import type { EventDraft } from '../report/events.ts';
import { revisionText } from '../report/message.ts';
import type { Metrics } from '../report/metrics.ts';
import { HttpPool } from '../source/http-pool.ts';
import type { ProxySettings } from '../source/proxies.ts';
import { Causes } from './causes.ts';
import { readSecretData } from './secret.ts';
import { tokenOf } from './secret-token.ts';
import type { SourceLog } from './source-log.ts';

export interface NotifierOptions {
  readonly client: KubeClient;
  readonly proxies: ProxySettings;
  readonly metrics: Pick<Metrics, 'notification'>;
  readonly log: Logger;
  /** The id of the walk that is under way over a source. */
  readonly walkOf: SourceLog['walk'];
  readonly leads: () => boolean;
  readonly now: () => number;
  readonly random: () => number;
  readonly event: (source: GitOpsSource, draft: EventDraft) => void;
  readonly note: (key: string, settled: readonly Settled[], signal: AbortSignal) => Promise<void>;
}

/** One endpoint that says nothing costs a place for so long. */
const deadlineMs = 10_000;
const limits = { all: 16, perServer: 4, perNamespace: 8 };
const giveUpMs = 3_600_000;
/** Of a source that is gone: its Secret may have gone with it. */
const lastWordsMs = 120_000;
const noteMs = 1_000;

/** Runs from the first offer to `close`, on the leader only. */
export interface Notifier {
  /** A source as it is now. */
  offer(source: GitOpsSource): void;
  /** What there was no room for any more. */
  dropped(source: GitOpsSource, entries: readonly Notification[]): void;
  forget(key: string): void;
  close(graceMs: number): Promise<void>;
}

export function createNotifier(options: NotifierOptions): Notifier {
  const { client, proxies, metrics, log, walkOf, leads, now, random, note, event } = options;
  const causes = new Causes(walkOf);
  // Forges and webhooks close what is idle sooner than git servers, which are polled.
  const pool = new HttpPool({ keepMs: 30_000, connections: limits.perServer, servers: 64 });

  function told(result: 'delivered' | 'failed' | 'dropped', source: GitOpsSource, entry: Notification, why: string): void {
    const { namespace, name } = source.metadata;
    metrics.notification(result);
    const fields = { namespace, source: name, commit: entry.commit, walk: causes.of(source, entry), to: entry.to, type: entry.type, why };
    if (result === 'delivered') return log.debug('notification delivered', fields);
    if (result === 'dropped') log.warn('notification dropped', fields);
    else log.debug('notification failed', fields);
    const revision = entry.commit === '' ? 'the source' : revisionText(entry.ref, entry.commit);
    const what = `${entry.to} ${entry.type} of ${revision}`;
    event(source, notifyEvent(result === 'dropped' ? 'NotifyDropped' : 'NotifyFailed', what, why));
  }

  const deliverer = new Deliverer({
    send: createSend({ pool, proxies, deadlineMs }),
    secretOf: (namespace, name, field, signal) => readEndpointSecret(client, namespace, name, field, signal),
    note,
    onResult: told,
    leads,
    now,
    random,
    limits,
    giveUpMs,
    lastWordsMs,
    noteMs,
  });
  return {
    offer: (source) => {
      causes.note(source);
      deliverer.offer(source);
    },
    dropped: (source, entries) => {
      for (const entry of entries) told('dropped', source, entry, 'too many others wait to be told');
    },
    forget: (key) => deliverer.forget(key),
    close: async (graceMs) => {
      await deliverer.close(graceMs);
      await pool.close();
    },
  };
}

/** Key `token`, and `ca.crt` if it is there. Throws PlumblineError: SecretNotFound, SecretInvalid, OperatorForbidden. */
async function readEndpointSecret(
  client: KubeClient,
  namespace: string,
  name: string,
  field: SecretField,
  signal: AbortSignal,
): Promise<EndpointSecret> {
  const data = await readSecretData(client, { namespace, name, field }, signal, true);
  const invalid = (message: string, remedy: string): PlumblineError =>
    new PlumblineError({ reason: 'SecretInvalid', message: `Secret ${namespace}/${name}, which ${field} names, ${message}`, remedy });
  const token = tokenOf(data['token']);
  if (token === undefined) throw invalid('has no key token', 'Add key token to it.');
  if (field === 'spec.notify.commitStatus.secretRef' && !/^[\x21-\x7e]+$/.test(token.toString('latin1'))) {
    throw invalid('has a token that no HTTP header can carry', 'Put the token into key token as the forge shows it, and nothing else.');
  }
  const ca = data['ca.crt'] === undefined ? undefined : Buffer.from(data['ca.crt'], 'base64').toString();
  if (ca !== undefined && !isCertificate(ca)) throw invalid('has a key ca.crt that is no certificate', 'Put certificates in PEM there.');
  return { token, ca };
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch (error) {
    void error; // its message quotes nothing that helps
    return false;
  }
}
