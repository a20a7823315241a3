/** People who sign what they push, with git, gpg and ssh-keygen themselves. */
import { afterAll, beforeAll } from '@jest/globals';
import type { GitRepo } from '../gitserver/index.ts';
import { Workplace } from '../source/verify/tools.ts';
import type { Stage } from './scene.ts';

type Files = Parameters<GitRepo['write']>[0];

export interface Signers {
  readonly place: Workplace;
  /** Who may sign in the Secrets of these tests: alice by SSH, bob by OpenPGP. */
  readonly allowedSigners: string;
  readonly bobAsc: string;
  /** The fingerprints, as messages show them. */
  readonly keys: Readonly<Record<'alice' | 'mallory' | 'bob@example.com', string>>;
  /** A commit on top of the branch, signed before the branch moves; unsigned without `by`. Gives its id. */
  commit(
    repo: GitRepo,
    files: Files,
    by?: string,
    options?: { readonly env?: NodeJS.ProcessEnv; readonly parent?: string },
  ): Promise<string>;
  /** An annotated, signed tag. */
  tag(repo: GitRepo, name: string, commit: string, by: string): Promise<void>;
  /** The Secret `keys` in the namespace of the stage. */
  secret(stage: Stage, data: Readonly<Record<string, string>>): Promise<void>;
}

/** Lends the tests of a file its signers: `const signers = useSigners();`, then `signers()` in each test. */
export function useSigners(): () => Signers {
  let made: Signers | undefined;
  beforeAll(async () => {
    made = await makeSigners();
  }, 60_000);
  afterAll(() => made?.place.close());
  return () => {
    if (made === undefined) throw new Error('the signers are there from beforeAll on');
    return made;
  };
}

async function makeSigners(): Promise<Signers> {
  const place = await Workplace.open();
  const alice = await place.sshKey('alice');
  await place.sshKey('mallory');
  const bob = await place.gpgKey('bob@example.com');
  const sshFingerprint = async (name: string): Promise<string> =>
    (await place.run('ssh-keygen', ['-l', '-f', place.path(`${name}.pub`)])).toString().split(' ')[1] ?? '';
  const keys = { alice: await sshFingerprint('alice'), mallory: await sshFingerprint('mallory'), 'bob@example.com': bob };

  const git = async (repo: GitRepo, by: string | undefined, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string> => {
    const isSsh = by?.includes('@') === false;
    const signing =
      by === undefined
        ? []
        : ['-c', `gpg.format=${isSsh ? 'ssh' : 'openpgp'}`, '-c', `user.signingKey=${isSsh ? place.path(`${by}.pub`) : by}`];
    return (await place.run('git', [`--git-dir=${repo.directory}`, ...signing, ...args], undefined, env)).toString().trim();
  };

  return {
    place,
    allowedSigners: `alice@example.com namespaces="git" ${alice}\n`,
    bobAsc: await place.gpgExport('bob@example.com'),
    keys,
    async commit(repo, files, by, { env, parent } = {}) {
      const on = parent ?? (await repo.tip('main'));
      const draft = await repo.write(files, { branch: 'draft', parent: on ?? null });
      const tree = await git(repo, undefined, ['rev-parse', `${draft}^{tree}`]);
      const parents = on === undefined ? [] : ['-p', on];
      const commit = await git(repo, by, ['commit-tree', ...(by === undefined ? [] : ['-S']), ...parents, '-m', 'Change', tree], env);
      await repo.deleteBranch('draft');
      await repo.setRef('refs/heads/main', commit);
      return commit;
    },
    async tag(repo, name, commit, by) {
      await git(repo, by, ['tag', '-f', '-s', '-m', name, name, commit]);
    },
    async secret(stage, data) {
      const stringData = Object.fromEntries(Object.entries(data));
      const text = JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys', namespace: stage.namespace }, stringData });
      const file = await place.write(`secret-${stage.namespace}.json`, text);
      await stage.kubectl('delete', 'secret', 'keys', '--ignore-not-found');
      await stage.kubectl('create', '-f', file);
    },
  };
}
