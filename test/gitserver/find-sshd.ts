/** Finding the system's sshd, and bringing it where that is possible. */
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { canInstall, installCommand, installPackage } from '../controlplane/debian.ts';
import { type Progress, progressOn } from '../controlplane/progress.ts';

const name = 'openssh-server';

/** The path of sshd; installed by apt-get when root on Debian. Rejects with what to do elsewhere. */
export async function ensureSshd(progress: Progress = progressOn(process.stderr)): Promise<string> {
  const found = await findSshd();
  if (found !== undefined) return found;
  if (!(await canInstall())) throw new Error(`sshd is missing: install OpenSSH's server (on Debian and Ubuntu: ${installCommand(name)})`);
  await installPackage(name, 'for the tests of git over SSH', { progress });
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
