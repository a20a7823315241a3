/** The operator as the image runs it: bundled, made once a run, so that no test pays for stripping and linking sources. */
import { exec } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');

/** Bundles the operator into a folder of its own and gives the bundle's path. Rejects with what esbuild says. */
export async function bundleOperator(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-bundle-'));
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: { bundle: string } };
  const command = `${scripts.bundle.replaceAll('dist/', `${folder}/`)} --log-level=warning`;
  const PATH = [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  await promisify(exec)(command, { cwd: root, env: { ...process.env, PATH } });
  return join(folder, 'plumbline.mjs');
}
