/** The process: config, wiring, signals. Nothing else. */
import { hostname } from 'node:os';
import { basename } from 'node:path';
import process from 'node:process';
import { parseConfig } from './config.ts';
import type { Config } from './config.ts';
import { createLogger } from './log.ts';
import { runOperator } from './reconcile/run.ts';
import { startHookServer } from './web/hooks.ts';
import { createReceiver } from './web/receivers/receive.ts';
import { startWebServer } from './web/server.ts';

/** The bundle is one file for both: the operator, and kubectl-plumbline. */
async function main(argv: readonly string[]): Promise<void> {
  const [, script = '', first] = argv;
  if (basename(script).startsWith('kubectl-plumbline') || first === 'kubectl-plumbline') {
    const { runCli } = await import('./cli/run.ts');
    process.exitCode = await runCli(argv.slice(first === 'kubectl-plumbline' ? 3 : 2), process.env, process.stdout, process.stderr);
    return;
  }
  const parsed = parseConfig(argv.slice(2), process.env);
  if ('help' in parsed) return print(parsed.help);
  if ('version' in parsed) return print(parsed.version);
  if ('faults' in parsed) {
    process.stderr.write(`${parsed.faults.join('\n')}\n`);
    process.exitCode = 2;
    return;
  }
  process.exitCode = await operate(parsed.config);
}

/** Runs until SIGTERM or SIGINT, or until the lease is lost. Returns the exit status. */
async function operate(config: Config): Promise<number> {
  const log = createLogger({ level: config.logLevel, write: (line) => process.stdout.write(line), now: Date.now });
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(new Error(name)));
  try {
    const running = await runOperator({ config, log, instance: hostname(), signal: stop.signal });
    const web = await startWebServer({
      address: config.metricsAddress,
      metrics: running.metrics,
      health: () => ({ ok: true, text: 'ok' }),
      ready: running.ready,
      signal: stop.signal,
      onError: (error) => log.error('a page could not be made', { error }),
    });
    const hooks = await startHookServer({
      address: config.webhookAddress,
      receive: createReceiver({ port: running.hints, log, monotonic: () => performance.now() }),
      signal: stop.signal,
      onError: (error) => log.error('a webhook could not be taken', { error }),
    });
    log.info('listening', { host: web.host, port: web.port, webhookPort: hooks.port });
    const how = await running.ended;
    stop.abort();
    log.info(how === 'stopped' ? 'stopped' : 'ended without the lease');
    return how === 'stopped' ? 0 : 1;
  } catch (error) {
    stop.abort();
    log.error('cannot go on', { error });
    return 1;
  }
}

function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

await main(process.argv);
