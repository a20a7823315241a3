/** The ways to a git server, shared by everybody who asks one: what connections are kept, is kept here. */
import { AppTokens, appTransport } from './github-app.ts';
import { openHttp } from './http.ts';
import type { Transport, TransportSettings } from './http.ts';
import { HttpPool } from './http-pool.ts';
import { SshPool } from './ssh/pool.ts';
import type { Credentials } from './types.ts';
import { showUrl } from './url.ts';

export class Transports {
  readonly #http = new HttpPool();
  readonly #ssh = new SshPool();
  readonly #tokens: AppTokens;

  /** `now`: milliseconds since the epoch. */
  constructor(now: () => number = Date.now) {
    this.#tokens = new AppTokens(this.#http, now);
  }

  /** A conversation with the server of `url`; it is closed by whoever asked for it, connections may outlive it. */
  open(url: URL, credentials: Credentials, settings: TransportSettings): Transport {
    if (url.protocol === 'ssh:') return this.#ssh.transport(url, credentials, { where: showUrl(url), timeouts: settings.timeouts });
    const open = (login: Credentials): Transport => openHttp(this.#http, url, login, settings);
    const { githubApp } = credentials;
    return githubApp === undefined ? open(credentials) : appTransport(this.#tokens, credentials, githubApp, settings, open);
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    this.#ssh.close();
    await this.#http.close();
  }
}
