/** The git command line, deaf to whatever the person who runs the tests has configured. */
import { spawn } from 'node:child_process';

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
export function git(directory: string, args: readonly string[], input?: string | Iterable<Buffer>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', [...args], { cwd: directory, env: gitEnvironment(directory), stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString().trim());
      else reject(new Error(`git ${args.join(' ')} ended with ${code}: ${Buffer.concat(err).toString().trim()}`));
    });
    // git may end before it has read everything; what matters then is its exit status.
    child.stdin.on('error', () => undefined);
    if (typeof input === 'object') for (const chunk of input) child.stdin.write(chunk);
    child.stdin.end(typeof input === 'string' ? input : undefined);
  });
}
