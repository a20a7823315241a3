import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { installPackage } from './debian.ts';

test('a package is announced, then installed, by an apt-get that waits for others; what it says is told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-debian-'));
  try {
    // Stands in for apt-get, which would change the machine.
    const program = join(folder, 'apt-get');
    const log = join(folder, 'log');
    await writeFile(
      program,
      `#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >> ${log}\ncase "$*" in *nowhere*) echo 'no such package' >&2; exit 100;; esac\n`,
    );
    await chmod(program, 0o755);
    const said: string[] = [];
    const progress = { say: (text: string) => said.push(text), tick: () => {} };
    await installPackage('prometheus', 'for the tests of alerts', { progress, program });
    expect(said).toEqual(['installing prometheus, for the tests of alerts (about a minute)']);
    expect((await readFile(log, 'utf8')).trim().split('\n')).toEqual([
      'noninteractive -o DPkg::Lock::Timeout=300 update --quiet',
      'noninteractive -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends prometheus',
    ]);
    await expect(installPackage('nowhere', 'for nothing', { progress, program })).rejects.toThrow('no such package');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
