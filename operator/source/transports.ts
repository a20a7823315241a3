/** The ways to a git server, shared by everybody who asks one: what connections are kept, is kept here. */
import { realClock } from './clock.ts';
import { AppTokens, appTransport } from './github-app.ts';
import type { PauseClock } from './host-pauses.ts';
import { openHttp } from './http.ts';
import type { Transport, TransportSettings } from './http.ts';
import { HttpPool } from './http-pool.ts';
import { httpService } from './service.ts';
import type { Service } from './service.ts';
import { SshPool } from './ssh/pool.ts';
import type { Credentials } from './types.ts';
import { showUrl } from './url.ts';

export class Transports {
  readonly #http = new HttpPool();
  readonly #ssh = new SshPool();
  readonly #tokens: AppTokens;

  constructor(clock: PauseClock = realClock) {
    this.#tokens = new AppTokens(this.#http, clock);
  }

  /** The repository at `url`, however it is reached. */
  service(url: URL, credentials: Credentials, settings: TransportSettings): Service {
    if (url.protocol === 'ssh:') return this.#ssh.service(url, credentials, { where: showUrl(url), timeouts: settings.timeouts });
    const open = (login: Credentials): Transport => openHttp(this.#http, url, login, settings);
    const { githubApp } = credentials;
    const transport = githubApp === undefined ? open(credentials) : appTransport(this.#tokens, credentials, githubApp, settings, open);
    return httpService(transport, url);
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    this.#ssh.close();
    await this.#http.close();
  }
}
