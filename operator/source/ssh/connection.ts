/** One SSH connection to a git server: who it is, who we are, and commands run over it one after the other. RFC 4251 to 4254. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Client, ClientChannel, ParsedKey } from 'ssh2';
import { PlumblineError } from '../../errors.ts';
import type { Reason } from '../../errors.ts';
import { connectionError, quote } from '../http-errors.ts';
import type { Timeouts } from '../http.ts';
import type { Ending, GitStream } from '../stream-service.ts';
import { fingerprint, hostName, judgeHostKey, knownKeyTypes } from './known-hosts.ts';
import type { HostKeyVerdict, KnownHost } from './known-hosts.ts';
import type { SshTarget } from './target.ts';

export interface SshLogin {
  readonly key: ParsedKey;
  readonly knownHosts: readonly KnownHost[];
}

export interface SshOptions {
  /** The repository as people may see it. */
  readonly where: string;
  readonly timeouts: Timeouts;
}

export interface SshConnection {
  /** Not ended, as far as is known. */
  readonly alive: boolean;
  /** Runs a command, and asks for protocol version 2 where the server lets a client say so. Rejects with PlumblineError. */
  exec(target: SshTarget, options: SshOptions, signal: AbortSignal): Promise<GitStream>;
  close(): void;
}

/** Signatures over SHA-1 (ssh-rsa) are not taken. */
const hostKeyAlgorithms: Readonly<Record<string, readonly string[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};
const wordsBytes = 4096;

/** Rejects with PlumblineError: HostKeyChanged, HostKeyUnknown, HostKeyRevoked, AuthenticationFailed, GitUnreachable, GitTimeout, GitError. */
export async function connectSsh(target: SshTarget, login: SshLogin, options: SshOptions, signal: AbortSignal): Promise<SshConnection> {
  const { where, timeouts } = options;
  const { Client: SshClient } = await import('ssh2');
  signal.throwIfAborted();
  const client = new SshClient();
  const socket = connect({ host: target.host, port: target.port });
  let alive = true;
  let failure: unknown;
  const said = (reason: Reason, message: string, remedy?: string, cause?: unknown): PlumblineError =>
    new PlumblineError({ reason, message, ...(remedy === undefined ? {} : { remedy }) }, { cause });
  socket.on('error', (error) => (failure ??= connectionError(error, where, timeouts.idleMs, signal)));
  // Before ssh2 hears it, which calls it a fault of the protocol.
  socket.once('end', () => (failure ??= said('GitUnreachable', `${where} cannot be reached: connection cut off`)));
  socket.once('close', () => {
    alive = false;
  });
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (error: unknown): void => reject((failure ??= error));
      const onAbort = (): void => fail(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      let timer = setTimeout(
        () => fail(said('GitUnreachable', `${where} cannot be reached: nobody answers at its address`)),
        timeouts.connectMs,
      );
      socket.once('connect', () => {
        clearTimeout(timer);
        // From here to the login in all: a server that says a little now and then is no better than one that is silent.
        const seconds = Math.round(timeouts.idleMs / 100) / 10;
        timer = setTimeout(() => fail(said('GitTimeout', `${where} did not let us in within ${seconds} s`)), timeouts.idleMs);
      });
      client.once('ready', resolve);
      client.on('error', (error) => fail(handshakeError(error, target, login, where)));
      client.once('close', () => fail(said('GitUnreachable', `${where} cannot be reached: connection cut off`)));
      const settled = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      client.once('ready', settled);
      client.once('close', settled);
      client.connect({
        sock: socket,
        username: target.user,
        // A parsed key is taken as well; the types do not know.
        authHandler: [{ type: 'publickey', username: target.user, key: login.key as unknown as string }] as never,
        algorithms: { serverHostKey: hostKeyOrder(knownKeyTypes(login.knownHosts, target.host, target.port)) as never },
        hostVerifier: (key: Buffer) => {
          const verdict = judgeHostKey(login.knownHosts, target.host, target.port, key);
          if (verdict.kind !== 'known') failure = hostKeyError(verdict, key, target);
          return verdict.kind === 'known';
        },
        readyTimeout: 0,
      });
    });
  } catch (error) {
    client.destroy();
    socket.destroy();
    throw error;
  }
  return {
    get alive() {
      return alive;
    },
    exec: (to, how, stop) => exec(client, socket, to, how, stop),
    close: () => {
      if (!alive) return;
      client.end();
      // Whoever does not hang up within a second is hung up on.
      setTimeout(() => socket.destroy(), 1000).unref();
    },
  };
}

/** Those by which the host is known come first, so that a host with several keys shows one of them. */
function hostKeyOrder(known: readonly string[]): readonly string[] {
  const all = Object.keys(hostKeyAlgorithms);
  return [...known.filter((type) => all.includes(type)), ...all.filter((type) => !known.includes(type))].flatMap(
    (type) => hostKeyAlgorithms[type] ?? [],
  );
}

function hostKeyError(verdict: Exclude<HostKeyVerdict, { kind: 'known' }>, key: Buffer, { host, port }: SshTarget): PlumblineError {
  const name = hostName(host, port);
  const shown = `${fingerprint(key)} (${typeOf(key)})`;
  const compare = 'Ask who runs the git server which key is right';
  switch (verdict.kind) {
    case 'changed': {
      const known = verdict.known.map((one) => `${fingerprint(one.key)} (${one.type})`).join(', ');
      return new PlumblineError({
        reason: 'HostKeyChanged',
        message: `${name} shows the host key ${shown}, and known_hosts says ${known}`,
        remedy: `${compare}; only then put it into key known_hosts of the Secret that spec.auth names.`,
      });
    }
    case 'revoked':
      return new PlumblineError({
        reason: 'HostKeyRevoked',
        message: `${name} shows the host key ${shown}, which line ${verdict.line} of known_hosts revokes`,
        remedy: `Do not go on with this server. ${compare}.`,
      });
    case 'authority':
      return new PlumblineError({
        reason: 'HostKeyUnknown',
        message: `known_hosts knows ${name} only by @cert-authority (line ${verdict.line}), and host certificates are not supported; it shows the host key ${shown}`,
        remedy: `Put the host key itself into key known_hosts. ${compare}.`,
      });
    case 'unknown':
      return new PlumblineError({
        reason: 'HostKeyUnknown',
        message: `known_hosts does not know ${name}, which shows the host key ${shown}`,
        remedy: `${compare}, and put it into key known_hosts of the Secret that spec.auth names.`,
      });
  }
}

/** The key says its type first. */
function typeOf(key: Buffer): string {
  return quote(key.toString('latin1', 4, 4 + Math.min(key.readUInt32BE(0), 40)));
}

function handshakeError(error: Error & { level?: string }, target: SshTarget, login: SshLogin, where: string): PlumblineError {
  if (error.level === 'client-authentication') {
    const key = `${fingerprint(login.key.getPublicSSH())} (${login.key.type})`;
    return new PlumblineError(
      {
        reason: 'AuthenticationFailed',
        message: `${where} does not let ${quote(target.user)} in with the key ${key}`,
        remedy: 'Add the public key of identity to the repository or the account (a deploy key that may read is enough).',
      },
      { cause: error },
    );
  }
  return new PlumblineError(
    { reason: 'GitError', message: `${where} cannot be talked to over SSH: ${quote(error.message)}` },
    { cause: error },
  );
}

async function exec(
  client: Client,
  socket: Socket,
  target: SshTarget,
  { where, timeouts }: SshOptions,
  signal: AbortSignal,
): Promise<GitStream> {
  const { idleMs } = timeouts;
  const silent = (): PlumblineError =>
    new PlumblineError({ reason: 'GitTimeout', message: `${where} said nothing for ${Math.round(idleMs / 100) / 10} s` });
  const started = new Promise<ClientChannel>((resolve, reject) => {
    client.exec(target.command, { env: { GIT_PROTOCOL: 'version=2' } }, (error, opened) => {
      if (error === undefined) resolve(opened);
      else
        reject(
          new PlumblineError(
            {
              reason: 'GitError',
              message: `${where} refuses to run git-upload-pack`,
              remedy: 'Check spec.url and what the account of the key may do there.',
            },
            { cause: error },
          ),
        );
    });
  });
  const channel = await within(started, idleMs, silent, signal).catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
  let words = Buffer.alloc(0);
  let status: number | undefined;
  channel.stderr.on('data', (chunk: Buffer) => {
    if (words.length < wordsBytes) words = Buffer.concat([words, chunk.subarray(0, wordsBytes)]);
  });
  channel.once('exit', (code: number | null) => (status = code ?? undefined));
  const closed = new Promise<void>((resolve) => {
    channel.once('close', resolve);
  });
  // What breaks is told to whoever reads; one that is read no further fails unseen.
  channel.on('error', () => undefined);
  const chunks = channel.iterator({ destroyOnReturn: false });
  const patiently = async <T>(work: Promise<T>, stop: AbortSignal): Promise<T> => {
    try {
      return await within(work, idleMs, silent, stop);
    } catch (error) {
      // What is given up in the middle leaves a connection that nobody can use.
      socket.destroy();
      throw error;
    }
  };
  return {
    get alive() {
      return channel.writable && !socket.destroyed;
    },
    async next(stop) {
      const { value, done } = await patiently(chunks.next() as Promise<IteratorResult<Buffer, undefined>>, stop);
      return done === true ? undefined : value;
    },
    write: (bytes, stop) => patiently(written(channel, bytes), stop),
    end: (last) => {
      if (channel.writable) channel.end(last);
    },
    async ending(stop): Promise<Ending> {
      await patiently(closed, stop);
      return { status, words: words.toString('utf8', 0, wordsBytes) };
    },
    close: () => channel.close(),
  };
}

function written(channel: ClientChannel, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    // A channel that is gone says so to whoever reads it.
    if (channel.writable) channel.write(bytes, () => resolve());
    else resolve();
  });
}

/** Rejects with what `late` makes when nothing happens for `ms`, and with the signal's reason. */
async function within<T>(work: Promise<T>, ms: number, late: () => Error, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => over.reject(late()), ms);
  const onAbort = (): void => over.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    // Given up, it may still fail: nobody is left to tell.
    work.catch(() => undefined);
  }
}
