/** A clone of the shop's repository, as somebody in one of its teams has it. */
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { git } from '../gitserver/git.ts';

/** What happens to a file: its new text, or null when it goes. */
export type Edit = ((text: string) => string) | null;

export class Clone {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Clones into `directory`, which must not exist yet. */
  static async of(url: string, directory: string): Promise<Clone> {
    await git('/', ['clone', '--quiet', url, directory]);
    return new Clone(directory);
  }

  /** Puts the files of a folder in. */
  async fill(folder: string): Promise<void> {
    await cp(folder, this.directory, { recursive: true });
  }

  /** Edits files; throws for an edit that changes nothing. */
  async edit(edits: Readonly<Record<string, Edit>>): Promise<void> {
    for (const [file, edit] of Object.entries(edits)) {
      const path = join(this.directory, file);
      if (edit === null) {
        await rm(path);
        continue;
      }
      const before = await readFile(path, 'utf8');
      const after = edit(before);
      if (after === before) throw new Error(`${file} is not what the demo takes it for: the edit changes nothing`);
      await writeFile(path, after);
    }
  }

  /** Commits all that changed, pushes it to main and gives the commit's id. */
  async push(message: string, author: string): Promise<string> {
    await git(this.directory, ['add', '--all']);
    await git(this.directory, ['commit', '--quiet', '--message', message, '--author', author]);
    await git(this.directory, ['push', '--quiet', 'origin', 'HEAD:main']);
    return git(this.directory, ['rev-parse', 'HEAD']);
  }
}
