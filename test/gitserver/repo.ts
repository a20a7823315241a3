/** A bare repository to push to, one process per commit. */
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { git } from './git.ts';

/** What stands at a path: a file, or what deployer repositories should not hold. null takes the path away. */
export type Content = string | Buffer | { readonly symlink: string } | { readonly submodule: string } | null;

export interface CommitOptions {
  readonly branch?: string;
  readonly message?: string;
  /** `Ada Lovelace <ada@example.com>`. */
  readonly author?: string;
  readonly date?: Date;
  /** The commit it stands on: default the tip of the branch; null for none. Another than the tip rewrites the branch. */
  readonly parent?: string | null;
}

export interface CreateOptions {
  /** The branch that HEAD points at; default main. */
  readonly head?: string;
  /** Whether the server leaves objects out when a client asks for that (uploadpack.allowFilter); git's default is no. */
  readonly allowFilter?: boolean;
}

export class GitRepo {
  /** The bare repository's folder. */
  readonly directory: string;
  /** Its path below the server's root, `acme/shop.git`. */
  readonly name: string;

  private constructor(directory: string, name: string) {
    this.directory = directory;
    this.name = name;
  }

  /** An empty bare repository under `root`. */
  static async create(root: string, name: string, options: CreateOptions = {}): Promise<GitRepo> {
    const directory = join(root, name);
    await mkdir(directory, { recursive: true });
    await git(directory, ['init', '--quiet', '--bare', `--initial-branch=${options.head ?? 'main'}`, '.']);
    const filter = options.allowFilter === true ? '[uploadpack]\n\tallowFilter = true\n' : '';
    await appendFile(join(directory, 'config'), `[http]\n\treceivepack = true\n[gc]\n\tauto = 0\n${filter}`);
    return new GitRepo(directory, name);
  }

  /** Commits these files on top of the branch and gives the commit's id. */
  async write(files: Readonly<Record<string, Content>>, options: CommitOptions = {}): Promise<string> {
    const branch = options.branch ?? 'main';
    const parent = options.parent === undefined ? await this.tip(branch) : (options.parent ?? undefined);
    const script = fastImport(files, branch, parent, options);
    const sha = await git(this.directory, ['fast-import', '--quiet', '--force', '--date-format=raw'], script);
    return sha;
  }

  /** `count` commits on top of main that change README.md alone, in one process; gives the last. */
  async pad(count: number): Promise<string> {
    const from = await this.tip('main');
    const lines = Array.from({ length: count }, (_, index) => {
      const begin = index === 0 && from !== undefined ? [`from ${from}`] : [];
      const text = `${index}`;
      const file = ['M 100644 inline README.md', `data ${text.length}`, text];
      return ['commit refs/heads/main', `committer A <a@example.com> ${1_900_000_000 + index} +0000`, 'data 3', 'Pad', ...begin, ...file];
    });
    await git(this.directory, ['fast-import', '--quiet', '--force', '--date-format=raw'], `${lines.flat().join('\n')}\n`);
    return (await this.tip('main')) ?? '';
  }

  /** The commit a branch points at; undefined where there is none. */
  async tip(branch: string): Promise<string | undefined> {
    const loose = await readFile(join(this.directory, 'refs/heads', branch), 'utf8').catch(() => '');
    if (loose !== '') return loose.trim();
    const sha = await git(this.directory, ['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`]);
    return sha === '' ? undefined : sha;
  }

  /** Points any ref at a commit, whatever it pointed at before. */
  async setRef(ref: string, sha: string): Promise<void> {
    await git(this.directory, ['update-ref', ref, sha]);
  }

  /** A tag; annotated when it has a message. An existing one is moved. */
  async tag(name: string, sha: string, message?: string): Promise<void> {
    await git(this.directory, message === undefined ? ['tag', '--force', name, sha] : ['tag', '--force', '-a', '-m', message, name, sha]);
  }

  async deleteRef(ref: string): Promise<void> {
    await git(this.directory, ['update-ref', '-d', ref]);
  }

  async deleteBranch(branch: string): Promise<void> {
    await this.deleteRef(`refs/heads/${branch}`);
  }

  /** The branch that HEAD points at, existing or not. */
  async setHead(branch: string): Promise<void> {
    await git(this.directory, ['symbolic-ref', 'HEAD', `refs/heads/${branch}`]);
  }

  async config(key: string, value: string): Promise<void> {
    await git(this.directory, ['config', key, value]);
  }

  /** Any git command in the repository. */
  git(...args: readonly string[]): Promise<string> {
    return git(this.directory, args);
  }
}

function* fastImport(
  files: Readonly<Record<string, Content>>,
  branch: string,
  parent: string | undefined,
  options: CommitOptions,
): Generator<Buffer> {
  const author = options.author ?? 'Ada Lovelace <ada@example.com>';
  const seconds = Math.floor((options.date ?? new Date()).getTime() / 1000);
  const message = Buffer.from(options.message ?? 'Change manifests');
  yield Buffer.from(`commit refs/heads/${branch}\nmark :1\nauthor ${author} ${seconds} +0000\ncommitter ${author} ${seconds} +0000\n`);
  yield Buffer.from(`data ${message.length}\n`);
  yield message;
  yield Buffer.from(parent === undefined ? '\ndeleteall\n' : `\nfrom ${parent}\n`);
  for (const [path, content] of Object.entries(files)) {
    const name = JSON.stringify(path);
    if (content === null) {
      yield Buffer.from(`D ${name}\n`);
    } else if (typeof content === 'object' && 'submodule' in content) {
      yield Buffer.from(`M 160000 ${content.submodule} ${name}\n`);
    } else {
      const link = typeof content === 'object' && 'symlink' in content;
      const data = Buffer.from(link ? content.symlink : content);
      yield Buffer.from(`M ${link ? '120000' : '100644'} inline ${name}\ndata ${data.length}\n`);
      yield data;
      yield Buffer.from('\n');
    }
  }
  yield Buffer.from('\nget-mark :1\n');
}
