import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { version } from '../operator/version.ts';

// No container engine is asked for: what the lines do is done in an empty directory, which stands for the image's root.

const context = join(import.meta.dirname, '..');
const node = join(context, 'node_modules/.bin/node');
const run = promisify(execFile);

interface Instruction {
  readonly name: string;
  /** `--from=build` as `from: build`. */
  readonly flags: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Comments and continued lines as BuildKit reads them; no heredocs, no escapes. */
function parse(dockerfile: string): readonly Instruction[] {
  const whole = dockerfile.replace(/^\s*#.*\n/gm, '').replace(/\\\n/g, ' ');
  return whole.split('\n').flatMap((line) => {
    const [, name, flagText = '', text] = /^(\w+)((?:\s+--\S+)*)\s+(.*)$/.exec(line.trim()) ?? [];
    if (name === undefined || text === undefined) return [];
    const flags = Object.fromEntries(
      flagText
        .split(/\s+--/)
        .slice(1)
        .map((flag) => flag.split(/=(.*)/).slice(0, 2)),
    );
    return [{ name, flags, text }];
  });
}

/** What the build may read, by the form of .dockerignore that names it: nothing, but for some paths. */
async function allowed(): Promise<readonly string[]> {
  const lines = (await readFile(join(context, '.dockerignore'), 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(lines[0]).toBe('*');
  expect(lines.slice(1).every((line) => /^![\w.-]+$/.test(line))).toBe(true);
  return lines.slice(1).map((line) => line.slice(1));
}

interface Stage {
  readonly root: string;
  readonly instructions: readonly Instruction[];
  workdir: string;
}

/** Does what each line does; the stages by name, the last one as `final`. */
async function build(instructions: readonly Instruction[], dir: string): Promise<Record<'build' | 'final', Stage>> {
  const paths = await allowed();
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const instruction of instructions) {
    if (instruction.name === 'FROM') {
      const name = / AS (\w+)$/.exec(instruction.text)?.[1] ?? 'final';
      stage = { root: join(dir, name), instructions: instructions.slice(instructions.indexOf(instruction)), workdir: '/' };
      await mkdir(stage.root);
      stages.set(name, stage);
    }
    if (stage !== undefined) await follow(instruction, stage, { stages, paths });
  }
  const [first, final] = [stages.get('build'), stages.get('final')];
  if (first === undefined || final === undefined) throw new Error('the Dockerfile has no stage build, or no last one without a name');
  return { build: first, final };
}

async function follow(
  { name, flags, text }: Instruction,
  stage: Stage,
  from: { stages: Map<string, Stage>; paths: readonly string[] },
): Promise<void> {
  const inside = (path: string): string => join(stage.root, resolve(stage.workdir, path));
  switch (name) {
    case 'WORKDIR':
      stage.workdir = text;
      await mkdir(inside('.'), { recursive: true });
      break;
    case 'COPY': {
      const words = text.split(/\s+/);
      const to = words.pop() ?? '';
      const other = flags['from'] === undefined ? undefined : from.stages.get(flags['from']);
      for (const source of words) {
        if (other === undefined) expect(from.paths).toContain(source);
        const target = to.endsWith('/') ? join(to, basename(source)) : to;
        await cp(other === undefined ? join(context, source) : join(other.root, source), inside(target), { recursive: true });
      }
      break;
    }
    case 'RUN':
      await shell(text, inside('.'));
      break;
    default:
      expect(['FROM', 'ARG', 'LABEL', 'ENV', 'USER', 'EXPOSE', 'ENTRYPOINT']).toContain(name);
  }
}

async function shell(command: string, cwd: string): Promise<void> {
  // Of this machine only what a registry needs; packages come from npm's cache where they are in it.
  const { HOME, XDG_CACHE_HOME, PATH = '' } = process.env;
  const env = { ...proxies(), HOME, XDG_CACHE_HOME, PATH: `${dirname(node)}:${PATH}`, npm_config_prefer_offline: 'true' };
  await run('sh', ['-c', command], { cwd, env, timeout: 240_000, maxBuffer: 16 * 2 ** 20 });
}

function proxies(): Record<string, string> {
  const wanted = /^(npm_config_registry|npm_config_userconfig|(https?|no)_proxy|node_extra_ca_certs|ssl_cert_file)$/i;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (wanted.test(name) && value !== undefined ? [[name, value]] : [])),
  );
}

describe('the Dockerfile', () => {
  let dir = '';
  let instructions: readonly Instruction[] = [];
  let stages: Record<'build' | 'final', Stage>;
  const ofFinal = (name: string): readonly string[] => stages.final.instructions.flatMap((each) => (each.name === name ? [each.text] : []));

  /** Starts what the image starts, from the files that it holds. */
  async function start(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const [program, ...rest] = JSON.parse(ofFinal('ENTRYPOINT')[0] ?? '[]') as string[];
    expect(program).toBe('/usr/local/bin/node');
    const argv = rest.map((arg) => (arg.startsWith('/') ? join(stages.final.root, arg) : arg));
    const cwd = join(stages.final.root, stages.final.workdir);
    return run(node, [...argv, ...args], { cwd, env: { NODE_ENV: 'production' }, timeout: 30_000 }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  }

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'plumbline-image-'));
    instructions = parse(await readFile(join(context, 'Dockerfile'), 'utf8'));
    stages = await build(instructions, dir);
  }, 300_000);
  afterAll(() => rm(dir, { recursive: true, force: true }));

  test('starts an operator that knows its version', async () => {
    expect(await start('--version')).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
    expect(await start('--concurrency=none', '--nonsense')).toMatchObject({ code: 2, stderr: expect.stringContaining('--nonsense') });
  });

  test('is kubectl-plumbline as well, by argument or by name', async () => {
    const usage = { code: 0, stdout: expect.stringContaining('kubectl plumbline diff') };
    expect(await start('kubectl-plumbline', '--help')).toMatchObject(usage);
    const plugin = join(dir, 'kubectl-plumbline');
    await symlink(join(stages.final.root, 'app/plumbline.mjs'), plugin);
    expect((await run(node, [plugin, '--help'])).stdout).toContain('kubectl plumbline diff');
  });

  test('leaves the bundle and its thread in the image, and no packages', async () => {
    const files = (await readdir(stages.final.root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(files.map((file) => file.name).toSorted()).toEqual(['bcrypt-thread.mjs', 'plumbline.mjs', 'plumbline.mjs.LEGAL.txt']);
  });

  test('holds the bundle in ASCII: one other character doubles the memory that its text takes', async () => {
    const bundle = await readFile(join(stages.final.root, 'app/plumbline.mjs'));
    expect(bundle.findIndex((byte) => byte > 127)).toBe(-1);
  });

  test('makes the same bytes again, wherever it is built', async () => {
    const bundle = await readFile(join(stages.final.root, 'app/plumbline.mjs'));
    const elsewhere = join(dir, 'elsewhere');
    await rename(join(stages.build.root, 'build'), elsewhere);
    await rm(join(elsewhere, 'dist'), { recursive: true });
    await shell(instructions.findLast((each) => each.name === 'RUN')?.text ?? '', elsewhere);
    expect((await readFile(join(elsewhere, 'dist/plumbline.mjs'))).equals(bundle)).toBe(true);
  });

  test('names its base by an exact tag, of the Node that the tests run', async () => {
    const image = instructions.find((each) => each.name === 'ARG' && each.text.startsWith('NODE_IMAGE='))?.text.split('=')[1];
    const { stdout } = await run(node, ['--version']);
    expect(image).toMatch(/^node:\d+\.\d+\.\d+-[a-z]+-slim$/);
    expect(image?.split(/[:-]/)[1]).toBe(stdout.trim().slice(1));
    expect(instructions.filter((each) => each.name === 'FROM').map((each) => each.text)).toEqual([
      '${NODE_IMAGE} AS build',
      '${RUNTIME_IMAGE}',
    ]);
  });

  test('runs as a number that is not root, without a shell', async () => {
    expect(ofFinal('USER')).toEqual([expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)]);
    expect(ofFinal('RUN')).toEqual([]);
    expect(ofFinal('ARG')).toContain(`VERSION=${version}`);
  });
});
