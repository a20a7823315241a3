/** SSH connections for one question after the other: kept for a few seconds, since the next one often follows at once. */
import type { ParsedKey } from 'ssh2';
import { PlumblineError } from '../../errors.ts';
import { maskOf } from '../mask.ts';
import type { Service } from '../service.ts';
import { streamService } from '../stream-service.ts';
import type { GitStream } from '../stream-service.ts';
import { unlessAborted } from '../shared-work.ts';
import type { Credentials, SshCredentials } from '../types.ts';
import { connectSsh } from './connection.ts';
import type { SshConnection, SshLogin, SshOptions } from './connection.ts';
import { unlockIdentity } from './identity.ts';
import { parseKnownHosts } from './known-hosts.ts';
import { sshTarget } from './target.ts';
import type { SshTarget } from './target.ts';

export interface SshPoolOptions {
  /** An unused connection is closed after this long. Milliseconds. */
  readonly keepMs: number;
  /** Unused connections to one server for one user and key. */
  readonly idle: number;
  /** Opened keys that are remembered: opening one takes a while. */
  readonly logins: number;
  /** Opens a key; default readLogin(). */
  readonly read: (ssh: SshCredentials) => Promise<SshLogin>;
}

export const defaultSshPoolOptions: SshPoolOptions = { keepMs: 5_000, idle: 4, logins: 100, read: readLogin };

interface Idle {
  readonly connection: SshConnection;
  readonly timer: NodeJS.Timeout;
}

/** RSA keys beyond 8192 bits take a second of computing for every connection. */
const longestPublicKey = 1100;

export class SshPool {
  readonly #options: SshPoolOptions;
  readonly #idle = new Map<string, Idle[]>();
  /** By the id of the credentials, least recently used first. */
  readonly #logins = new Map<string, Promise<SshLogin>>();
  readonly #open = new Set<SshConnection>();
  #closed = false;

  constructor(options: Partial<SshPoolOptions> = {}) {
    this.#options = { ...defaultSshPoolOptions, ...options };
  }

  /** The repository of an ssh URL; each question has a connection of its own while it lasts. */
  service(url: URL, credentials: Credentials, options: SshOptions): Service {
    const target = sshTarget(url);
    const key = `${target.user}@${target.host}:${target.port} ${credentials.id}`;
    const start = async (connection: SshConnection, signal: AbortSignal): Promise<GitStream> => {
      try {
        return this.#lease(key, connection, await connection.exec(target, options, signal));
      } catch (error) {
        this.#end(connection);
        throw error;
      }
    };
    const open = async (signal: AbortSignal): Promise<GitStream> => {
      const kept = this.#takeIdle(key);
      if (kept !== undefined) {
        try {
          return await start(kept, signal);
        } catch (error) {
          signal.throwIfAborted();
          // Some servers take one command for each connection, and any may have hung up meanwhile.
          if (!(error instanceof PlumblineError) || error.reason === 'GitTimeout') throw error;
        }
      }
      return start(await this.#connect(target, credentials, options, signal), signal);
    };
    return streamService(options.where, open, this.#options.keepMs, maskOf(credentials));
  }

  /** Ends every connection. */
  close(): void {
    this.#closed = true;
    for (const { timer } of [...this.#idle.values()].flat()) clearTimeout(timer);
    this.#idle.clear();
    this.#logins.clear();
    for (const connection of this.#open) connection.close();
    this.#open.clear();
  }

  async #connect(target: SshTarget, credentials: Credentials, options: SshOptions, signal: AbortSignal): Promise<SshConnection> {
    const connection = await connectSsh(target, await unlessAborted(this.#login(credentials), signal), options, signal);
    for (const old of this.#open) if (!old.alive) this.#open.delete(old);
    this.#open.add(connection);
    return connection;
  }

  /** The stream; once it is closed, its connection serves the next one. */
  #lease(key: string, connection: SshConnection, stream: GitStream): GitStream {
    let leased = true;
    return {
      get alive() {
        return stream.alive;
      },
      next: (signal) => stream.next(signal),
      write: (bytes, signal) => stream.write(bytes, signal),
      end: (last) => stream.end(last),
      ending: (signal) => stream.ending(signal),
      close: (clean) => {
        stream.close(clean);
        if (leased && clean) this.#keep(key, connection);
        else if (leased) this.#end(connection);
        leased = false;
      },
    };
  }

  #end(connection: SshConnection): void {
    connection.close();
    this.#open.delete(connection);
  }

  #takeIdle(key: string): SshConnection | undefined {
    for (let idle = this.#idle.get(key)?.pop(); idle !== undefined; idle = this.#idle.get(key)?.pop()) {
      clearTimeout(idle.timer);
      if (idle.connection.alive) return idle.connection;
    }
    return undefined;
  }

  #keep(key: string, connection: SshConnection): void {
    const idle = this.#idle.get(key) ?? [];
    if (this.#closed || !connection.alive || idle.length >= this.#options.idle) {
      this.#end(connection);
      return;
    }
    const forget = (): void => {
      this.#end(connection);
      const left = (this.#idle.get(key) ?? []).filter((one) => one.connection !== connection);
      if (left.length === 0) this.#idle.delete(key);
      else this.#idle.set(key, left);
    };
    idle.push({ connection, timer: setTimeout(forget, this.#options.keepMs).unref() });
    this.#idle.set(key, idle);
  }

  async #login({ id, ssh }: Credentials): Promise<SshLogin> {
    if (ssh === undefined) {
      throw new PlumblineError({
        reason: 'SecretInvalid',
        message: 'an ssh URL needs a private key (identity) and the keys of the host (known_hosts)',
        remedy: 'Put them into a Secret and name it in spec.auth.secretRef.',
      });
    }
    const login = this.#logins.get(id) ?? this.#options.read(ssh);
    this.#logins.delete(id);
    this.#logins.set(id, login);
    // What is wrong with the Secret stays so; that a key could not be opened just now does not.
    login.catch((error: unknown) => {
      const lasting = error instanceof PlumblineError && error.reason === 'SecretInvalid';
      if (!lasting && this.#logins.get(id) === login) this.#logins.delete(id);
    });
    const [oldest] = this.#logins.keys();
    if (this.#logins.size > this.#options.logins && oldest !== undefined) this.#logins.delete(oldest);
    return login;
  }
}

/** The key, opened. Rejects with PlumblineError SecretInvalid for one that cannot be used. */
export async function readLogin({ identity, passphrase, knownHosts }: SshCredentials): Promise<SshLogin> {
  const { utils } = (await import('ssh2')).default;
  const parsed: ParsedKey | ParsedKey[] | Error = utils.parseKey(await unlockIdentity(identity, passphrase));
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  const usable =
    key !== undefined &&
    !(key instanceof Error) &&
    key.isPrivateKey() &&
    /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521))$/.test(key.type);
  if (!usable || key.getPublicSSH().length > longestPublicKey) {
    throw new PlumblineError({
      reason: 'SecretInvalid',
      message: 'the Secret of spec.auth: identity is no key that is known here (ed25519, ecdsa, RSA up to 8192 bits)',
      remedy: 'Make one: ssh-keygen -t ed25519.',
    });
  }
  return { key, knownHosts: parseKnownHosts(knownHosts) };
}
