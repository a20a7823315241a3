/** Bringing a package of Debian where that is possible: as root, by apt-get. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import process from 'node:process';
import { promisify } from 'node:util';
import type { Progress } from './progress.ts';

const aptGet = '/usr/bin/apt-get';

export interface InstallOptions {
  readonly progress: Progress;
  /** What is run for apt-get; default the system's own. */
  readonly program?: string;
}

/** Whether `installPackage` has a chance here. */
export async function canInstall(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  return access(aptGet, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** What a person types instead. */
export function installCommand(name: string): string {
  return `${process.getuid?.() === 0 ? '' : 'sudo '}apt-get install --yes --no-install-recommends ${name}`;
}

/** Installs it, and says so before it begins; `why` ends the sentence. Waits for others that install something. Rejects with what apt-get says. */
export async function installPackage(name: string, why: string, { progress, program = aptGet }: InstallOptions): Promise<void> {
  progress.say(`installing ${name}, ${why} (about a minute)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  for (const args of [
    ['update', '--quiet'],
    ['install', '--yes', '--no-install-recommends', name],
  ]) {
    await promisify(execFile)(program, [...wait, ...args], { env, timeout: 600_000 }); // the lock, and then the download
  }
}
