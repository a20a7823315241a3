/** The git command line, deaf to whatever the person who runs the tests has configured. */
import { runProgram } from '../spawner/index.ts';

/** An environment in which git reads no configuration but the repository's. */
export function gitEnvironment(home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Ada Lovelace',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_COMMITTER_NAME: 'Ada Lovelace',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
    LC_ALL: 'C',
  };
}

/** Runs git in `directory` and gives what it printed, trimmed. Rejects with what it printed to stderr. */
export async function git(directory: string, args: readonly string[], input?: string | Iterable<Buffer>): Promise<string> {
  const options = { cwd: directory, env: gitEnvironment(directory), ...(input !== undefined && { input }) };
  const { code, stdout, stderr } = await runProgram('git', args, options);
  if (code !== 0) throw new Error(`git ${args.join(' ')} ended with ${code}: ${stderr.toString().trim()}`);
  return stdout.toString().trim();
}
