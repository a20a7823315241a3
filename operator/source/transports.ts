/** The ways to a git server, shared by everybody who asks one: what connections are kept, is kept here. */
import { openHttp } from './http.ts';
import type { Transport, TransportSettings } from './http.ts';
import { HttpPool } from './http-pool.ts';
import type { Credentials } from './types.ts';

export class Transports {
  readonly #http = new HttpPool();

  /** A conversation with the server of `url`; it is closed by whoever asked for it, connections may outlive it. */
  open(url: URL, credentials: Credentials, settings: TransportSettings): Transport {
    return openHttp(this.#http, url, credentials, settings);
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    await this.#http.close();
  }
}
