import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { readText } from '../../../crds/generate.ts';
import { makeSshKey, startSshd } from '../../gitserver/index.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

// ssh2 looks for parts of itself that no bundle holds, and is loaded only when it is needed: too late for a test of the image.
test('SSH works from a bundle that is made as the image makes it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bundled-'));
  const sshd = await startSshd();
  try {
    const key = await makeSshKey('ed25519', 'open sesame');
    await sshd.authorize(key);
    const repo = await sshd.createRepo('shop.git');
    const commit = await repo.write({ 'web.yaml': '1' });
    const entry = join(folder, 'entry.ts');
    const url = sshd.urlOf(repo);
    const secret = { identity: key.private, known_hosts: sshd.knownHosts, password: 'open sesame' };
    await writeFile(
      entry,
      `import { createGitClient } from ${JSON.stringify(join(root, 'operator/source/git-client.ts'))};
       import { readCredentials } from ${JSON.stringify(join(root, 'operator/source/credentials.ts'))};
       const secret = ${JSON.stringify(Object.fromEntries(Object.entries(secret).map(([name, value]) => [name, Buffer.from(value).toString('base64')])))};
       const git = createGitClient();
       const url = ${JSON.stringify(url)};
       const refs = await git.listRefs(url, readCredentials(secret, new URL(url)), new AbortController().signal);
       await git.close();
       process.stdout.write(refs.head);`,
    );
    const { scripts } = JSON.parse(readText('package.json') ?? '') as { scripts: { bundle: string } };
    const command = scripts.bundle.replace('operator/main.ts', entry).replaceAll('dist/', `${folder}/`);
    const env = { ...process.env, PATH: [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter) };
    await run('sh', ['-c', `${command} --log-level=error`], { cwd: root, env });
    // Where no node_modules are.
    const { stdout } = await run(process.execPath, [join(folder, 'plumbline.mjs')], { cwd: folder, timeout: 30_000 });
    expect(stdout).toBe(commit);
  } finally {
    await sshd.close();
    await rm(folder, { recursive: true, force: true });
  }
});
