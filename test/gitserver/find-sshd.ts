/** Finding the system's sshd, and bringing it where that is possible. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { type Progress, progressOn } from '../controlplane/progress.ts';

const run = promisify(execFile);
const command = 'apt-get install --yes --no-install-recommends openssh-server';

/** The path of sshd; installed by apt-get when root on Debian. Rejects with what to do elsewhere. */
export async function ensureSshd(progress: Progress = progressOn(process.stderr)): Promise<string> {
  const found = await findSshd();
  if (found !== undefined) return found;
  const root = process.getuid?.() === 0;
  if (!root || !(await isThere('/etc/debian_version', constants.R_OK))) {
    throw new Error(`sshd is missing: install OpenSSH's server (on Debian and Ubuntu: ${root ? '' : 'sudo '}${command})`);
  }
  progress.say('installing openssh-server, for the tests of git over SSH (about a minute)');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Another test run may be installing it too.
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  await run('apt-get', [...wait, 'update', '--quiet'], { env, timeout: 300_000 });
  await run('apt-get', [...wait, ...command.split(' ').slice(1)], { env, timeout: 300_000 });
  const installed = await findSshd();
  if (installed === undefined) throw new Error('openssh-server was installed, and sshd is still not found');
  return installed;
}

/** It refuses to run by anything but its whole path, and lies where the PATH of most users does not lead. */
async function findSshd(): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin'];
  for (const folder of folders.filter((one) => one.startsWith('/'))) {
    const path = join(folder, 'sshd');
    if (await isThere(path, constants.X_OK)) return path;
  }
  return undefined;
}

async function isThere(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
