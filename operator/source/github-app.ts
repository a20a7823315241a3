/**
 * GitHub Apps: an App proves who it is by a signed JWT (RFC 7519, RS256), gets a token of an installation that is good for
 * an hour, and uses it as a password. https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
 */
import { sign } from 'node:crypto';
import { getCACertificates } from 'node:tls';
import { PlumblineError } from '../errors.ts';
import { HostPauses } from './host-pauses.ts';
import type { PauseClock } from './host-pauses.ts';
import { connectionError, quote, retryAfterMs, StatusError } from './http-errors.ts';
import type { HttpPool, HttpResponse } from './http-pool.ts';
import type { Transport, TransportSettings } from './http.ts';
import { maskOf } from './mask.ts';
import { proxyFor } from './proxies.ts';
import { unlessAborted } from './shared-work.ts';
import type { Credentials, GitHubApp } from './types.ts';

interface Token {
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

interface Known {
  token: Token | undefined;
  /** On its way, for everybody who waits for it. */
  asked: Promise<Token> | undefined;
}

/** A new token is asked for this long before the old one ends: a fetch may take a while. Milliseconds. */
const renewBefore = 5 * 60_000;
/** Clocks differ; a token that ends within this is not used any more. Milliseconds. */
const lastUse = 30_000;
const answerBytes = 64 * 1024;
const mostApps = 1_000;

/** The signed claim that we are this App; `now` in milliseconds since the epoch. Good for nine minutes, GitHub takes ten. */
export function appJwt({ appId, privateKey }: GitHubApp, now: number): string {
  const seconds = Math.floor(now / 1000);
  // A minute back, as GitHub advises, for clocks that differ.
  const claims = { iat: seconds - 60, exp: seconds + 540, iss: appId };
  const text = [{ alg: 'RS256', typ: 'JWT' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
}

/** Tokens of installations, each asked for once and renewed before it ends. */
export class AppTokens {
  readonly #pool: HttpPool;
  readonly #now: () => number;
  /** Of the hosts that give tokens. Their Secret names them: what one of them says is not to hold up a git server. */
  readonly #pauses: HostPauses;
  /** By the id of the credentials, least recently used first. */
  readonly #known = new Map<string, Known>();

  constructor(pool: HttpPool, clock: PauseClock) {
    this.#pool = pool;
    this.#now = () => clock.now();
    this.#pauses = new HostPauses(clock);
  }

  /** The credentials with the token as their password. Rejects with PlumblineError. */
  async login(credentials: Credentials, app: GitHubApp, settings: TransportSettings, signal: AbortSignal): Promise<Credentials> {
    const token = await this.#token(credentials, app, settings, signal);
    return { ...credentials, githubApp: undefined, username: 'x-access-token', password: token.text };
  }

  /** The token was refused: it is not used again. */
  forget(credentials: Credentials): void {
    this.#known.delete(credentials.id);
  }

  async #token(credentials: Credentials, app: GitHubApp, settings: TransportSettings, signal: AbortSignal): Promise<Token> {
    const known: Known = this.#known.get(credentials.id) ?? { token: undefined, asked: undefined };
    this.#known.delete(credentials.id);
    this.#known.set(credentials.id, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > mostApps && oldest !== undefined) this.#known.delete(oldest);
    const left = known.token === undefined ? -Infinity : known.token.expires - this.#now();
    if (known.token !== undefined && left > renewBefore) return known.token;
    try {
      known.asked ??= this.#respecting(credentials, app, settings, signal).finally(() => (known.asked = undefined));
      known.token = await unlessAborted(known.asked, signal);
      return known.token;
    } catch (error) {
      // The old one is still good: what is wrong is told when it has ended, if it still is wrong then.
      if (known.token !== undefined && left > lastUse && error instanceof PlumblineError) return known.token;
      // Who asked first has given up; that is not this one's.
      if (!(error instanceof PlumblineError) && !signal.aborted) return await this.#respecting(credentials, app, settings, signal);
      throw error;
    }
  }

  async #respecting(credentials: Credentials, app: GitHubApp, settings: TransportSettings, signal: AbortSignal): Promise<Token> {
    try {
      return await this.#pauses.respecting(new URL(app.baseUrl).host, signal, () => this.#ask(credentials, app, settings, signal));
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      // It is no answer of the git server, which is not left alone for it.
      throw new PlumblineError(error.faults, { cause: error, retryAfterMs: error.retryAfterMs });
    }
  }

  async #ask(credentials: Credentials, app: GitHubApp, settings: TransportSettings, signal: AbortSignal): Promise<Token> {
    const { timeouts, proxies = {} } = settings;
    const url = new URL(`${app.baseUrl}/app/installations/${app.installationId}/access_tokens`);
    const where = app.baseUrl;
    const jwt = appJwt(app, this.#now());
    const ca = credentials.ca === undefined ? undefined : [...getCACertificates('default'), credentials.ca];
    const route = { proxy: proxyFor(url, proxies), ca, certificate: undefined, connectMs: timeouts.connectMs };
    const headers = {
      authorization: `Bearer ${jwt}`,
      accept: 'application/vnd.github+json',
      'user-agent': 'plumbline',
      'x-github-api-version': '2022-11-28',
    };
    let response: HttpResponse;
    let text: string;
    try {
      response = await this.#pool.request(url, route, { method: 'POST', headers, body: null, idleMs: timeouts.idleMs, signal });
      text = await beginning(response);
    } catch (error) {
      throw connectionError(error, where, timeouts.idleMs, signal);
    }
    if (response.statusCode !== 201) {
      const mask = maskOf({ id: '', bearerToken: jwt, githubApp: app });
      throw refused(response, messageOf(mask(text)), app, where, this.#now());
    }
    const answer = parsed(text);
    const expires = typeof answer['expires_at'] === 'string' ? Date.parse(answer['expires_at']) : Number.NaN;
    if (typeof answer['token'] !== 'string' || answer['token'] === '' || Number.isNaN(expires)) {
      throw new PlumblineError({ reason: 'GitError', message: `${where} answers without a token for the GitHub App` });
    }
    return { text: answer['token'], expires };
  }
}

/** A way to a server whose password is always a token of the App that is good. */
export function appTransport(
  tokens: AppTokens,
  credentials: Credentials,
  app: GitHubApp,
  settings: TransportSettings,
  open: (credentials: Credentials) => Transport,
): Transport {
  let current: { readonly password: string | undefined; readonly transport: Transport } | undefined;
  let closed = false;
  const using = async <T>(signal: AbortSignal, work: (transport: Transport) => Promise<T>): Promise<T> => {
    const login = await tokens.login(credentials, app, settings, signal);
    // What is still read by an older token is left in peace.
    if (current?.password !== login.password) current = { password: login.password, transport: open(login) };
    const { transport } = current ?? { transport: open(login) };
    if (closed) await transport.close();
    try {
      return await work(transport);
    } catch (error) {
      if (error instanceof PlumblineError && error.reason === 'AuthenticationFailed') tokens.forget(credentials);
      throw error;
    }
  };
  return {
    get: (url, headers, signal) => using(signal, (transport) => transport.get(url, headers, signal)),
    post: (url, body, headers, signal) => using(signal, (transport) => transport.post(url, body, headers, signal)),
    close: async () => {
      closed = true;
      await current?.transport.close();
    },
  };
}

function refused(response: HttpResponse, words: string, app: GitHubApp, where: string, now: number): PlumblineError {
  const { statusCode } = response;
  const header = response.headers['retry-after'];
  const pause = retryAfterMs(typeof header === 'string' ? header : undefined, now);
  const tail = words === '' ? '' : `: ${words}`;
  if (statusCode === 404) {
    return new PlumblineError({
      reason: 'AuthenticationFailed',
      message: `${where} knows no installation ${app.installationId} of GitHub App ${app.appId} (404)`,
      remedy: 'Install the App for the repository, and correct githubAppInstallationID.',
    });
  }
  if (statusCode === 401) {
    const date = response.headers['date'];
    const off = typeof date === 'string' ? Math.round((now - Date.parse(date)) / 1000) : Number.NaN;
    const clock = Math.abs(off) > 60;
    return new PlumblineError({
      reason: 'AuthenticationFailed',
      message: clock
        ? `${where} refuses GitHub App ${app.appId} (401), and the clock here is ${Math.abs(off)} s ${off > 0 ? 'before' : 'behind'} its own${tail}`
        : `${where} refuses GitHub App ${app.appId} with this private key (401)${tail}`,
      remedy: clock ? 'Set the clock of the node on which the operator runs.' : 'Check githubAppID and githubAppPrivateKey.',
    });
  }
  // GitHub says so as well when it is asked too often, and then when to come again.
  if (statusCode === 403 && pause === undefined) {
    return new PlumblineError({
      reason: 'AuthenticationFailed',
      message: `${where} gives GitHub App ${app.appId} no token for installation ${app.installationId} (403)${tail}`,
      remedy: 'See whether the installation is suspended, or asked too often.',
    });
  }
  const fault = { reason: 'GitError', message: `${where} answers ${statusCode} when asked for a token of the GitHub App${tail}` } as const;
  return new StatusError(statusCode === 403 ? 429 : statusCode, fault, { retryAfterMs: pause });
}

/** GitHub says why in a field `message`; what is no answer of GitHub's is not shown. */
function messageOf(text: string): string {
  const { message } = parsed(text);
  return typeof message === 'string' ? quote(message) : '';
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

async function beginning(response: HttpResponse): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > answerBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, answerBytes);
}
