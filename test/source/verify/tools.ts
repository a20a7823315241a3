/** The tools that people sign with, each in a directory of its own, deaf to what the machine has configured. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlumblineError } from '../../../operator/errors.ts';
import type { Reason } from '../../../operator/errors.ts';
import { gitEnvironment } from '../../gitserver/git.ts';
import { runProgram } from '../../spawner/index.ts';

const packages: Readonly<Record<string, string>> = { 'ssh-keygen': 'openssh-client', gpg: 'gnupg', gpgconf: 'gnupg', git: 'git' };

export interface Run {
  readonly status: number | null;
  readonly out: Buffer;
  readonly err: string;
}

export class Workplace {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async open(): Promise<Workplace> {
    const directory = await mkdtemp(join(tmpdir(), 'trust-'));
    await mkdir(join(directory, '.gnupg'), { mode: 0o700 });
    return new Workplace(directory);
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  read(name: string): Promise<Buffer> {
    return readFile(this.path(name));
  }

  async write(name: string, content: string | Buffer): Promise<string> {
    await writeFile(this.path(name), content);
    return this.path(name);
  }

  /** Runs to the end, whatever its status. */
  async try(command: string, args: readonly string[], input?: string | Buffer, env: NodeJS.ProcessEnv = {}): Promise<Run> {
    const { directory } = this;
    const own = { ...gitEnvironment(directory), GNUPGHOME: this.path('.gnupg'), TZ: 'UTC', ...env };
    try {
      const given = input === undefined ? [] : [Buffer.from(input)];
      const { code, stdout, stderr } = await runProgram(command, args, { cwd: directory, env: own, input: given });
      return { status: code, out: stdout, err: stderr.toString() };
    } catch (error) {
      const name = packages[command] ?? command;
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw isMissing ? new Error(`${command} is missing: apt-get install ${name}`, { cause: error }) : error;
    }
  }

  /** What it prints. Rejects unless it ends with 0. */
  async run(command: string, args: readonly string[], input?: string | Buffer, env?: NodeJS.ProcessEnv): Promise<Buffer> {
    const { status, out, err } = await this.try(command, args, input, env);
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${err}`);
    return out;
  }

  /** Makes NAME and NAME.pub; gives the line of the public key, without comment. */
  async sshKey(name: string, type = 'ed25519', bits: readonly string[] = []): Promise<string> {
    await this.run('ssh-keygen', ['-q', '-t', type, ...bits, '-N', '', '-C', '', '-f', this.path(name)]);
    return (await this.read(`${name}.pub`)).toString().trim();
  }

  /** The armoured signature of `payload` by the key (or certificate) in the file NAME. */
  async sshSign(name: string, payload: string | Buffer, options: readonly string[] = [], namespace = 'git'): Promise<string> {
    return (await this.run('ssh-keygen', ['-Y', 'sign', '-q', '-n', namespace, '-f', this.path(name), ...options], payload)).toString();
  }

  /** gpg with a keyring of its own; `time` as 20200101T000000. */
  gpg(args: readonly string[], input?: string | Buffer, time?: string): Promise<Buffer> {
    return this.run('gpg', ['--batch', '--yes', ...alone(time), ...args], input);
  }

  /** A revocation certificate for a key; `why` as gpg numbers reasons. */
  async gpgRevocation(key: string, why: string, time?: string): Promise<string> {
    const answers = `y\n${why}\n\ny\n`;
    return (await this.run('gpg', [...alone(time), '--command-fd', '0', '--armor', '--gen-revoke', key], answers)).toString();
  }

  /** Makes a key; gives its fingerprint. `uses` and `expires` as gpg takes them. */
  async gpgKey(email: string, algorithm = 'ed25519', uses = 'sign', expires = 'never', time?: string): Promise<string> {
    await this.gpg(['--quick-gen-key', `${email.split('@')[0]} <${email}>`, algorithm, uses, expires], undefined, time);
    const listed = (await this.gpg(['--with-colons', '--list-keys', email])).toString();
    return /^fpr:::::::::([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '';
  }

  async gpgExport(email: string): Promise<string> {
    return (await this.gpg(['--armor', '--export', email])).toString();
  }

  /** Ends the agent that gpg starts, and takes the directory away. */
  async close(): Promise<void> {
    await this.try('gpgconf', ['--kill', 'all']);
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Asking nobody for a passphrase, at a time of our choice. */
function alone(time: string | undefined): string[] {
  const then = time === undefined ? [] : ['--faked-system-time', `${time}!`];
  return ['--no-tty', '--pinentry-mode', 'loopback', '--passphrase', '', ...then];
}

/** The id that git gives these bytes. */
export function objectId(kind: 'commit' | 'tag', raw: Buffer): string {
  return createHash('sha1').update(`${kind} ${raw.length}\0`).update(raw).digest('hex');
}

/** What it is refused with; fails when it is not, or by anything but a reason of the catalogue. */
export async function refusalOf(verifying: () => unknown): Promise<PlumblineError> {
  let given: unknown;
  try {
    given = await verifying();
  } catch (error) {
    if (error instanceof PlumblineError) return error;
    throw error;
  }
  throw new Error(`nothing was refused: ${JSON.stringify(given)}`);
}

export async function reasonOf(verifying: () => unknown): Promise<Reason> {
  return (await refusalOf(verifying)).reason;
}
