/** The command line of `kubectl plumbline`: which command, with what, and the exit status. */
import { readFile } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { kubeEnvironment, proxyEnvironment } from '../config.ts';
import { PlumblineError, faultText } from '../errors.ts';
import { KubeError } from '../kube/client.ts';
import { connectKube } from '../kube/connect.ts';
import type { ConnectedClient } from '../kube/connect.ts';
import { findCredentials } from '../kube/credentials.ts';
import { version } from '../version.ts';
import { answer, queryOf, questions } from './ask.ts';
import type { Question } from './ask.ts';
import { diffSource } from './diff.ts';
import { UsageError } from './errors.ts';
import { printDiff, printVerification } from './print.ts';
import { readSourceFile } from './source-file.ts';
import { verifySource } from './verify.ts';

const usage = `Usage:
  kubectl plumbline diff NAMESPACE/NAME   what the source would change now, by a server-side dry run
  kubectl plumbline diff -f SOURCE.yaml   the same for a GitOpsSource that is not applied yet
  kubectl plumbline verify NAMESPACE/NAME  what is said of the drift of each object, and the status tells of it, against a
                                         server-side dry run
  kubectl plumbline history NAMESPACE/NAME  the revisions of a source, newest first; of one that is gone as well
  kubectl plumbline at TIME               which commit each source of a namespace ran then
  kubectl plumbline trace KIND/NAME       from an object to file and line, commit, author, and the times of its revision
  kubectl plumbline version

TIME is one like 2026-11-24T14:05:00Z, 2026-11-24 14:05, 14:05, tuesday 14:05, yesterday 14:05, 2h ago or -2h; without a
zone it is that of this machine.

Flags:
  -n, --namespace=NAMESPACE       of history, at and trace, instead of that of the kubeconfig
  -o, --output=json               history, at and trace as JSON, instead of a table
  --limit=N                       rows of history, 50 without
  --default-service-account=NAME  as the operator has it: the account of a source that names none
  --kubeconfig=FILE               instead of KUBECONFIG and ~/.kube/config

Exit status: 0 nothing would change (verify: verdict, status and dry run agree; history, at, trace: it is told), 1 something would
(they do not; trace: no source has applied it), 2 it could not be found out, or is refused, 64 the command is not understood.
`;

/** A bound on a source file; a GitOpsSource is far below it. */
const longestFile = 1024 * 1024;
const concurrency = 8;

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs one command; everything for people goes to `out`, every failure to `err`. Returns the exit status. */
export async function runCli(args: readonly string[], env: Environment, out: Writable, err: Writable): Promise<number> {
  const stop = new AbortController();
  try {
    return await command(args, env, out, stop.signal);
  } catch (error) {
    err.write(`${tell(error)}\n`);
    return error instanceof UsageError ? 64 : 2;
  } finally {
    stop.abort();
  }
}

async function command(args: readonly string[], env: Environment, out: Writable, signal: AbortSignal): Promise<number> {
  const { values, positionals } = parse(args.map(dashedTime));
  const [verb, target, ...rest] = positionals;
  if (values.help === true || verb === 'help') {
    out.write(usage);
    return 0;
  }
  if (verb === 'version' || values.version === true) {
    out.write(`${version}\n`);
    return 0;
  }
  if (isQuestion(verb)) {
    if (values.filename !== undefined) throw new UsageError(`-f belongs to diff\n\n${usage}`);
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const { namespace, output, limit } = values;
    const query = queryOf({ verb, words: positionals.slice(1), namespace, output, limit }, Date.now(), zone);
    return await withClient(values.kubeconfig, env, (client) => answer(client, query, zone, out, signal));
  }
  if (verb !== 'diff' && verb !== 'verify')
    throw new UsageError(`${verb === undefined ? 'a command is missing' : `${verb} is no command`}\n\n${usage}`);
  if ((values.namespace ?? values.output ?? values.limit) !== undefined)
    throw new UsageError(`-n, -o and --limit do not belong to ${verb}\n\n${usage}`);
  if (rest.length > 0 || (target === undefined) === (values.filename === undefined)) {
    throw new UsageError(`${verb} takes ${verb === 'diff' ? 'either NAMESPACE/NAME or -f SOURCE.yaml' : 'NAMESPACE/NAME'}\n\n${usage}`);
  }
  if (verb === 'verify' && values.filename !== undefined) throw new UsageError(`verify takes NAMESPACE/NAME\n\n${usage}`);
  const file = values.filename === undefined ? undefined : readSourceFile(await readBounded(values.filename), values.filename);
  const name = target === undefined ? undefined : parseTarget(target);
  return await withClient(values.kubeconfig, env, async (client) => {
    const input = {
      client,
      file,
      name,
      defaultNamespace: client.namespace ?? 'default',
      defaultServiceAccount: values['default-service-account'] ?? '',
      proxies: proxyEnvironment(env),
      signal,
    };
    if (verb === 'verify') {
      const verification = await verifySource(input);
      printVerification(verification, out);
      return verification.disagreements.length + verification.untrue.length > 0 ? 1 : verification.unknown.length > 0 ? 2 : 0;
    }
    const diff = await diffSource(input);
    printDiff(diff, out);
    if (diff.refused.length > 0) return 2;
    return diff.differs ? 1 : 0;
  });
}

async function withClient<T>(kubeconfig: string | undefined, env: Environment, work: (client: ConnectedClient) => Promise<T>): Promise<T> {
  const environment = kubeEnvironment(env);
  const monotonic = (): number => performance.now();
  const credentials = await findCredentials({ ...environment, kubeconfig: kubeconfig ?? environment.kubeconfig, monotonic });
  const client = connectKube({ credentials, concurrency, userAgent: `kubectl-plumbline/${version}`, random: Math.random, monotonic });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

function isQuestion(verb: string | undefined): verb is Question {
  return (questions as readonly (string | undefined)[]).includes(verb);
}

/** `-2h` is a time, and no flag. */
function dashedTime(word: string): string {
  return /^-\d/.test(word) ? `${word.slice(1)} ago` : word;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        filename: { type: 'string', short: 'f' },
        kubeconfig: { type: 'string' },
        namespace: { type: 'string', short: 'n' },
        output: { type: 'string', short: 'o' },
        limit: { type: 'string' },
        'default-service-account': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`, { cause: error });
  }
}

function parseTarget(target: string): { namespace: string; name: string } {
  const [namespace, name, ...rest] = target.split('/');
  if (!namespace || !name || rest.length > 0) throw new UsageError(`${target}: write NAMESPACE/NAME\n\n${usage}`);
  return { namespace, name };
}

async function readBounded(filename: string): Promise<Buffer> {
  const content = await readFile(filename).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${filename} cannot be read: ${error.code ?? error.message}`, { cause: error });
  });
  if (content.length > longestFile) throw new UsageError(`${filename} is over 1 MiB; a GitOpsSource is not`);
  return content;
}

function tell(error: unknown): string {
  if (error instanceof PlumblineError)
    return error.faults.map((fault) => [faultText(fault), fault.remedy].filter(Boolean).join('. ')).join('\n');
  if (error instanceof KubeError) return `the API server says: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
