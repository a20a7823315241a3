/** What the README tells people to type is typed here, in its order, against a real API server and a real git server. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readText } from '../crds/generate.ts';
import { ensureBinaries } from './controlplane/binaries.ts';
import { configMap, deployment } from './e2e/scene.ts';
import { useCluster } from './e2e/cluster.ts';
import { type Operator, startOperator } from './e2e/operator.ts';
import { type GitRepo, type GitServer, type Sshd, startGitServer, startSshd } from './gitserver/index.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const readme = readText('README.md') ?? '';

/** Commands that are not typed here, in a block or in a sentence, and why. Each begins such a command. */
const notTyped: Readonly<Record<string, string>> = {
  'make demo': 'test/demo/demo.test.ts runs what it runs',
  'make test': 'this is part of it',
  'docker build': 'needs a container engine; test/dockerfile.test.ts does what the lines of the Dockerfile do',
  'docker push': 'needs a registry',
  'make bench': 'takes many minutes on a machine that does nothing else; that there is such a target is seen below',
  'node bench/run.ts': 'is what make bench begins with',
  'kubectl diff': 'names the command whose exit status is the same',
  'kubectl apply --prune': 'names the command that uses the same label',
};

/** The fenced blocks of shell, by the heading that they stand under. */
const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map(({ 1: text = '', index }) => ({
  heading: headingAt(index),
  lines: text.trim().split('\n'),
}));
const isTyped = (line: string): boolean => !Object.keys(notTyped).some((beginning) => line.startsWith(beginning));
/** What is named as a command in a sentence, by heading. */
const spoken = [
  ...readme
    .replace(/```[\s\S]*?```/g, (block) => block.replace(/[^\n]/g, ' '))
    .matchAll(/`((?:make|node|npm|kubectl|helm|git|docker) [^`]+)`/g),
].map(({ 1: line = '', index }) => ({ heading: headingAt(index), line }));

function headingAt(index: number): string {
  return [...readme.slice(0, index).matchAll(/^## (.*)$/gm)].at(-1)?.[1] ?? '';
}

// The chart brings the CRD.
const cluster = useCluster({ crd: false });
let git: GitServer;
let sshd: Sshd;
let repo: GitRepo;
let home: string;
let operator: Operator | undefined;
let path: string;

beforeAll(async () => {
  [git, sshd] = await Promise.all([startGitServer(), startSshd()]);
  repo = await git.createRepo('acme/deployer.git');
  await repo.write({ 'prod/web.yaml': deployment('web'), 'prod/settings.yaml': configMap('settings', { reviews: 'no' }) });
  await repo.write({ 'prod/settings.yaml': configMap('settings', { reviews: 'yes' }) });
  home = await mkdtemp(join(tmpdir(), 'plumbline-readme-'));
  const local = join(home, '.local/bin');
  await mkdir(local, { recursive: true });
  const binaries = await ensureBinaries(['kubectl', 'helm'], { environment: process.env });
  for (const [name, binary] of Object.entries(binaries)) await symlink(binary, join(local, name));
  path = [local, join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  // The reader stands in a checkout; what is cloned there shall not lie in this one.
  for (const name of ['charts', 'operator']) await symlink(join(root, name), join(home, name));
  await mkdir(join(home, '.cache/plumbline/kept'), { recursive: true });
});

afterAll(async () => {
  await operator?.stop();
  await Promise.all([git.close(), sshd.close()]);
  await rm(home, { recursive: true, force: true });
});

/** Types lines into a shell whose home is empty; resolves with what they print. */
async function type(lines: readonly string[]): Promise<string> {
  const script = lines
    .join('\n')
    .replaceAll('https://git.example.com', git.url)
    .replaceAll('ssh-keyscan git.example.com', `ssh-keyscan -p ${sshd.port} 127.0.0.1`)
    // In the real checkout, whose packages are never installed anew while these tests run on them.
    .replaceAll(/^make /gm, `make -C '${root}' -o node_modules/.installed `);
  const env = { PATH: path, HOME: home, KUBECONFIG: cluster().kubeconfigPath, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], { cwd: home, env, timeout: 120_000 });
  return stdout;
}

/** No pod runs here: the operator is started as the chart's account, with the flags of the chart's Deployment. */
async function startAsChart(): Promise<void> {
  const namespace = 'plumbline-system';
  const kubeconfigPath = join(home, 'operator-kubeconfig');
  await writeFile(kubeconfigPath, await cluster().accountKubeconfig(namespace, 'plumbline'));
  const args = 'jsonpath={.spec.template.spec.containers[0].args}';
  const flags = JSON.parse(await cluster().kubectl('get', 'deployment', 'plumbline', '-n', namespace, '-o', args)) as string[];
  operator = await startOperator({ kubeconfigPath, flags: flags.filter((flag) => !/-address=/.test(flag)) });
}

const reviews = async (): Promise<string> =>
  cluster().kubectl('get', 'configmap', 'settings', '-n', 'shop', '-o', 'jsonpath={.data.reviews}');

/** What is so once the blocks under a heading were typed; `printed` is all that they printed. */
const then: Readonly<Record<string, (printed: string) => Promise<void>>> = {
  'Two commands': async () => expect(await readdir(join(home, '.cache'))).toEqual([]),
  Install: startAsChart,
  'Deploy a repository': async (printed) => {
    expect(await readFile(join(home, 'known_hosts'), 'utf8')).toBe(`${sshd.knownHosts.trim()}\n`);
    expect(printed).toMatch(/KIND: +GitOpsSource[\s\S]*serviceAccountName\t?/);
  },
  'See what runs': async (printed) => {
    const commit = (await repo.tip('main')) ?? '';
    expect(printed).toContain(`main@${commit.slice(0, 7)} is applied: 2 objects`);
    expect(printed).toMatch(/Reason: +Applied/);
    const changed = await repo.git('log', '-1', '--format=%H', 'main', '--', 'prod/web.yaml');
    expect(printed).toMatch(new RegExp(`web +${changed} +prod/web.yaml:1`));
    // trace, at and history: the file, that nothing ran so long ago, and the one revision there was.
    expect(printed).toContain('prod/web.yaml:1');
    expect(printed).toContain(commit.slice(0, 7));
  },
  'From CI': async (printed) => {
    expect(printed).toContain('condition met');
    expect(printed).toContain('nothing would change');
    expect(await reviews()).toBe('yes');
  },
  'When somebody changes the cluster by hand': async (printed) => {
    expect(printed).toMatch(/: 2 objects, 0 differences, 0 disagreements with the dry run/);
  },
  'Roll back': async () => {
    const ref = await cluster().kubectl('get', 'gos', 'shop', '-n', 'shop', '-o', 'jsonpath={.spec.ref}');
    expect(JSON.parse(ref)).toEqual({ branch: 'main' });
  },
  'Take it away': async () => {
    expect((await cluster().tryKubectl(['get', 'configmap', 'settings', '-n', 'shop'])).code).toBe(1);
    expect((await cluster().tryKubectl(['get', 'crd', 'gitopssources.plumbline.dev'])).code).toBe(0);
  },
};

test('every command works as it stands there, in that order', async () => {
  const headings = [...new Set([...readme.matchAll(/^## (.*)$/gm)].map(([, heading = '']) => heading))];
  expect(headings).toEqual(expect.arrayContaining(Object.keys(then)));
  for (const heading of headings) {
    let printed = '';
    for (const { lines } of blocks.filter((block) => block.heading === heading)) {
      const typed = lines.filter(isTyped);
      if (typed.length > 0) printed += await type(typed);
      // Between the two blocks, the older commit runs.
      if (lines.some((line) => line.includes('"branch":null'))) expect(await reviews()).toBe('no');
    }
    const said = spoken.filter((one) => one.heading === heading && isTyped(one.line)).map(({ line }) => line);
    if (said.length > 0) printed += await type(said);
    await then[heading]?.(printed);
  }
}, 300_000);

test('what is not typed here is in the README', () => {
  const lines = [...blocks.flatMap((block) => block.lines), ...spoken.map(({ line }) => line)];
  for (const beginning of Object.keys(notTyped)) expect(lines.some((line) => line.startsWith(beginning))).toBe(true);
});

test('every make target that it names is there', async () => {
  const named = new Set([...readme.matchAll(/`(make [^`]+)`|^(make \w+)$/gm)].map(([, inline, line]) => inline ?? line ?? ''));
  expect(named.size).toBeGreaterThan(3);
  for (const command of named) await run('make', ['--dry-run', ...command.split(' ').slice(1)], { cwd: root });
});

test('what it links to is there', () => {
  const targets = [...readme.matchAll(/\]\(([^):#]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
  expect(targets.length).toBeGreaterThan(4);
  expect(targets.filter((target) => readText(target) === undefined)).toEqual([]);
});

test('the oldest Kubernetes that it names is the one that the chart asks for', () => {
  const [, oldest = ''] = /Kubernetes (1\.\d+) or newer/.exec(readme) ?? [];
  expect(readText('charts/plumbline/Chart.yaml')).toContain(`kubeVersion: ">=${oldest}.0-0"`);
});
