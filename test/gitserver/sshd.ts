/** The system's own sshd on loopback, as whoever runs the tests, with a configuration and host keys of its own. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../controlplane/ports.ts';
import { startWatchdog } from '../controlplane/watchdog.ts';
import { GiveUp, waitFor } from '../controlplane/wait-for.ts';
import { ensureSshd } from './find-sshd.ts';
import { gitEnvironment } from './git.ts';
import { runText } from '../spawner/index.ts';
import { GitRepo } from './repo.ts';

export type KeyType = 'ed25519' | 'ecdsa' | 'rsa';

export interface SshKey {
  /** As ssh-keygen wrote it. */
  readonly private: string;
  /** `ssh-ed25519 AAAA…`, without comment. */
  readonly public: string;
  /** `SHA256:…`, as ssh-keygen says it. */
  readonly fingerprint: string;
}

export interface SshdOptions {
  /** Host keys. Default: ed25519. */
  readonly hostKeys?: readonly KeyType[];
  /** Takes GIT_PROTOCOL from clients, as a stock sshd does not. */
  readonly acceptEnv?: boolean;
  /** More lines of sshd_config(5). */
  readonly config?: readonly string[];
}

export interface Sshd {
  readonly port: number;
  readonly user: string;
  readonly hostKeys: readonly SshKey[];
  /** Lines for known_hosts. */
  readonly knownHosts: string;
  /** Logins so far. */
  logins(): number;
  log(): string;
  /** Lets a key in; `options` as of sshd(8), `command="…"`. */
  authorize(key: SshKey, options?: string): Promise<void>;
  createRepo(name: string): Promise<GitRepo>;
  urlOf(repo: GitRepo | string): string;
  close(): Promise<void>;
}

/** A key made by ssh-keygen; encrypted when there is a passphrase. `args`: more for ssh-keygen. */
export async function makeSshKey(type: KeyType = 'ed25519', passphrase = '', args: readonly string[] = []): Promise<SshKey> {
  const folder = await mkdtemp(join(tmpdir(), 'sshkey-'));
  try {
    const file = join(folder, 'key');
    await sshKeygen('-q', '-t', type, '-N', passphrase, '-C', 'test', '-f', file, ...args);
    const stdout = await sshKeygen('-l', '-f', `${file}.pub`);
    const [kind = '', base64 = ''] = (await readFile(`${file}.pub`, 'utf8')).split(' ');
    return { private: await readFile(file, 'utf8'), public: `${kind} ${base64.trim()}`, fingerprint: stdout.split(' ')[1] ?? '' };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What it prints. Rejects unless it ends with 0. */
async function sshKeygen(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runText('ssh-keygen', args, { env: process.env, timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`ssh-keygen ended with ${code}: ${stderr}`);
  return stdout;
}

/** Starts it and waits until it answers. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const program = await ensureSshd();
  const folder = await mkdtemp(join(tmpdir(), 'sshd-'));
  // Where sshd, as root, shuts its helpers in.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true });
  const port = await freePort();
  const hostKeys: SshKey[] = [];
  for (const type of options.hostKeys ?? (['ed25519'] as const)) {
    const key = await makeSshKey(type);
    hostKeys.push(key);
    await writeFile(join(folder, `host_${type}`), key.private, { mode: 0o600 });
  }
  const authorized = join(folder, 'authorized_keys');
  await writeFile(authorized, '');
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    ...(options.hostKeys ?? ['ed25519']).map((type) => `HostKey ${join(folder, `host_${type}`)}`),
    `AuthorizedKeysFile ${authorized}`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
    'PrintMotd no',
    'MaxStartups 100',
    ...(options.acceptEnv === true ? ['AcceptEnv GIT_PROTOCOL'] : []),
    ...(options.config ?? []),
  ];
  await writeFile(join(folder, 'sshd_config'), `${config.join('\n')}\n`);
  const child = spawn(program, ['-D', '-e', '-f', join(folder, 'sshd_config')], {
    env: gitEnvironment(folder),
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const watchdog = startWatchdog();
  watchdog.remove(folder);
  if (child.pid !== undefined) watchdog.guard(child.pid);
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const ended = new Promise<void>((resolve) => {
    // Not `close`: what it runs for a client holds the pipe too.
    child.once('exit', () => {
      if (child.pid !== undefined) watchdog.gone(child.pid);
      resolve();
    });
  });
  await waitFor('sshd answers', async () => {
    if (child.exitCode !== null) throw new GiveUp(`sshd ended: ${log}`);
    return await answers(port);
  });
  const user = userInfo().username;
  return {
    port,
    user,
    hostKeys,
    knownHosts: hostKeys.map((key) => `[127.0.0.1]:${port} ${key.public}\n`).join(''),
    logins: () => log.match(/^Accepted publickey/gm)?.length ?? 0,
    log: () => log,
    authorize: async (key, more) => {
      const line = `${more === undefined ? '' : `${more} `}${key.public}\n`;
      await writeFile(authorized, (await readFile(authorized, 'utf8')) + line);
    },
    createRepo: (name) => GitRepo.create(folder, name),
    urlOf: (repo) => `ssh://${user}@127.0.0.1:${port}${folder}/${typeof repo === 'string' ? repo : repo.name}`,
    close: async () => {
      child.kill();
      await ended;
      child.stderr.destroy();
      await watchdog.close();
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
  });
}
