import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../..');
let project = '';

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'plumbline-lint-'));
});
afterAll(() => rm(project, { recursive: true }));

/** What the project's own lint says about one file of a project. */
async function lint(file: string, text: string): Promise<string[]> {
  await mkdir(dirname(join(project, file)), { recursive: true });
  await writeFile(join(project, file), text);
  const args = [join(root, 'node_modules/oxlint/bin/oxlint'), '-c', join(root, '.oxlintrc.json'), '-f', 'json', file];
  const output = await new Promise<string>((resolve) => execFile(process.execPath, args, { cwd: project }, (_, stdout) => resolve(stdout)));
  const { diagnostics } = JSON.parse(output) as { diagnostics: { code?: string; message: string }[] };
  return diagnostics.filter((one) => one.code === 'plumbline(one-way-imports)').map((one) => one.message);
}

test.each([
  ['operator/render/yaml.ts', "import { read } from '../source/read.ts'; read();"],
  ['operator/render/yaml.ts', "import type { Fault } from '../errors.ts'; export type A = Fault;"],
  ['operator/api/types.ts', "export { gvkOf } from '../kube/types.ts';"],
  ['operator/main.ts', "import { serve } from './web/serve.ts'; serve();"],
  ['operator/plan/plan.ts', "import { stages } from './stages.ts'; stages();"],
  ['operator/plan/plan.ts', "import { readFile } from 'node:fs/promises'; void readFile;"],
  ['operator/web/build-info.ts', "import manifest from '../../package.json' with { type: 'json' }; void manifest;"],
  ['test/plan/plan.test.ts', "import { start } from '../../operator/main.ts'; start();"],
])('%s may say %s', async (file, text) => {
  expect(await lint(file, text)).toEqual([]);
});

test.each([
  [
    'operator/render/yaml.ts',
    "import { plan } from '../plan/plan.ts'; plan();",
    'operator/render must not import from operator/plan: imports point one way',
  ],
  [
    'operator/errors.ts',
    "export * from './source/types.ts';",
    'operator/errors must not import from operator/source: imports point one way',
  ],
  [
    'operator/source/a.ts',
    "import type { B } from '../live/b.ts'; export type A = B;",
    'operator/source must not import from operator/live: imports point one way',
  ],
  [
    'operator/apply/a.ts',
    "export const late = () => import('../web/page.ts');",
    'operator/apply must not import from operator/web: imports point one way',
  ],
  [
    'operator/cli/a.ts',
    "import { page } from '../web/page.ts'; page();",
    'operator/cli must not import from operator/web: imports point one way',
  ],
  [
    'operator/web/a.ts',
    "import { start } from '../main.ts'; start();",
    'operator/web must not import from operator/main: imports point one way',
  ],
  [
    'operator/plan/a.ts',
    "import { waitFor } from '../../test/wait.ts'; waitFor();",
    'operator/ does not import from outside: ../../test/wait.ts',
  ],
  [
    'operator/utils/a.ts',
    "import { b } from '../kube/b.ts'; b();",
    'operator/utils has no place in the reading order (test/lint/one-way-imports.js)',
  ],
  [
    'operator/live/a.ts',
    "import { b } from '../common/b.ts'; b();",
    'operator/common has no place in the reading order (test/lint/one-way-imports.js)',
  ],
])('%s may not say %s', async (file, text, message) => {
  expect(await lint(file, text)).toEqual([message]);
});
