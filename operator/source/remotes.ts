/** One Remote per URL and credentials, shared by every source that uses it. */
import type { Checkout, Credentials, GitClient, ResolvedRef, SharedRemotes, SubscribeOptions, Subscription } from './types.ts';

export interface RemotesOptions {
  readonly client: GitClient;
  /** In [0, 1); spreads the polls. */
  readonly random?: () => number;
  /** One per request to a git server, for the metrics: `ok` or the reason. */
  readonly onRequest?: (result: string) => void;
}

/** Polls remotes for their subscribers and keeps what was fetched last. */
export class Remotes implements SharedRemotes {
  readonly #options: RemotesOptions;

  constructor(options: RemotesOptions) {
    this.#options = options;
  }

  subscribe(_options: SubscribeOptions): Subscription {
    throw new Error('to come');
  }

  checkout(url: string, credentials: Credentials, ref: ResolvedRef, signal: AbortSignal): Promise<Checkout> {
    return this.#options.client.checkout(url, credentials, ref, signal);
  }

  descends(url: string, credentials: Credentials, ancestor: string, commit: string, signal: AbortSignal): Promise<boolean | undefined> {
    return this.#options.client.descends(url, credentials, ancestor, commit, signal);
  }

  async close(): Promise<void> {
    await this.#options.client.close();
  }
}
