/** What ties one source to its remote: the Secret that was read, the subscription, and what the remote last answered. */
import type { GitOpsSource } from '../api/types.ts';
import { parseDuration } from '../api/duration.ts';
import type { KubeClient } from '../kube/client.ts';
import { anonymous, readCredentials } from '../source/credentials.ts';
import { parseGitUrl } from '../source/url.ts';
import type { Credentials, Observation, SharedRemotes, Subscription } from '../source/types.ts';
import { parseSchedule, runSchedule } from './schedule.ts';
import { readSecretData } from './secret.ts';

/** As the CRD's default, for a spec from before it had one. */
const defaultInterval = 60_000;

export interface RemoteLinkOptions {
  readonly client: KubeClient;
  readonly remotes: SharedRemotes;
  /** Called whenever the remote has answered something new, and after each pollNow. */
  readonly onObserved: () => void;
}

/** spec.interval in milliseconds; the CRD lets nothing through that does not parse. */
export function intervalOf({ spec }: GitOpsSource): number {
  return parseDuration(spec.interval) ?? defaultInterval;
}

/** One source's subscription; made anew when anything that it depends on changes. */
export class RemoteLink {
  observation: Observation | undefined;
  credentials: Credentials = anonymous;
  readonly #options: RemoteLinkOptions;
  #subscription: Subscription | undefined;
  #subscribedTo = '';
  #schedule: { readonly text: string; readonly stop: () => void } | undefined;

  constructor(options: RemoteLinkOptions) {
    this.#options = options;
  }

  /**
   * Reads the Secret of spec.auth and subscribes to the remote; what is the same already is left as it is. True when
   * the subscription was made anew, so that the first answer is still to come.
   * Throws PlumblineError: SecretNotFound, SecretInvalid, InvalidSpec.
   */
  async refresh(source: GitOpsSource, signal: AbortSignal): Promise<boolean> {
    this.credentials = await this.#readSecret(source, signal);
    const { spec, status } = source;
    const wanted = JSON.stringify([spec.url, this.credentials.id, spec.ref, spec.interval]);
    this.#reschedule(spec.schedule);
    if (wanted === this.#subscribedTo) return false;
    this.#subscription?.close();
    this.observation = undefined;
    this.#subscribedTo = wanted;
    this.#subscription = this.#options.remotes.subscribe({
      url: spec.url,
      credentials: this.credentials,
      ref: spec.ref ?? {},
      intervalMs: intervalOf(source),
      lastCommit: status?.revision?.observed?.commit,
      onObserved: (observation) => {
        if (this.#subscribedTo !== wanted) return;
        this.observation = observation;
        this.#options.onObserved();
      },
    });
    return true;
  }

  /** Asks the remote now; an answer follows in any case. */
  pollNow(): void {
    this.#subscription?.pollNow();
  }

  /** With which the remote is asked by pollNow; undefined where it is not. */
  asking({ spec }: GitOpsSource): Credentials | undefined {
    return this.#subscription === undefined || spec.ref?.commit !== undefined ? undefined : this.credentials;
  }

  /** When the remote last answered without fault, milliseconds since the epoch. */
  answeredAt(): number | undefined {
    return this.#subscription?.answeredAt();
  }

  /** Stops asking (suspend, deletion). */
  close(): void {
    this.#subscription?.close();
    this.#subscription = undefined;
    this.#subscribedTo = '';
    this.observation = undefined;
    this.#reschedule(undefined);
  }

  #reschedule(text: string | undefined): void {
    if (this.#schedule?.text === text) return;
    this.#schedule?.stop();
    this.#schedule = text === undefined ? undefined : { text, stop: runSchedule(parseSchedule(text), () => this.pollNow()) };
  }

  async #readSecret({ spec, metadata: { namespace } }: GitOpsSource, signal: AbortSignal): Promise<Credentials> {
    if (spec.auth === undefined) return anonymous;
    const secret = { namespace, name: spec.auth.secretRef.name, field: 'spec.auth.secretRef' } as const;
    return readCredentials(await readSecretData(this.#options.client, secret, signal), parseGitUrl(spec.url));
  }
}
