/** `make demo`: sets everything up, tells the story, takes everything away. Exit status 0 means that every step was as told. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Setting, setUp } from './setting.ts';
import { tellStory } from './story.ts';
import { NotAsTold, type Tell, tellOn } from './tell.ts';

/** How long what was stopped may take to notice. */
const settleMs = 5_000;

const stop = new AbortController();
let exitStatus = 0;
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    if (!keeping) exitStatus = status;
    stop.abort(new Error(`stopped by ${signal}`));
  });
}
let keeping = false;
const keep = !['', '0', undefined].includes(process.env['KEEP']);

const tell = tellOn(process.stdout, stop.signal);
const stack = new AsyncDisposableStack();
const work = run();
const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve(), { once: true }));
await Promise.race([work, stopped]);
// What is under way notices the signal by itself; then nothing is started behind the back of the clean-up.
await Promise.race([work, delay(settleMs, undefined, { ref: false })]);
await stack.disposeAsync();
process.exit(exitStatus);

async function run(): Promise<void> {
  let setting: Setting | undefined;
  try {
    tell.heading('Plumbline: a shop, three applications, one repository, and which commit runs where.');
    tell.heading('Set-up');
    setting = await setUp(tell, stack, stop.signal);
    const began = performance.now();
    await tellStory(tell, setting);
    tell.heading(`Every step was as told, in ${((performance.now() - began) / 1_000).toFixed(0)} s.`);
  } catch (error) {
    if (stop.signal.aborted) return tell.heading('Stopped.');
    exitStatus = 1;
    await failed(error as Error, setting);
  }
  if (keep && setting !== undefined) {
    keeping = true;
    howToUse(tell, setting);
    await stopped;
  }
}

async function failed(error: Error, setting: Setting | undefined): Promise<void> {
  tell.heading('This was not as told:');
  tell.say(error instanceof NotAsTold ? error.message : (error.stack ?? error.message));
  if (setting === undefined) return;
  const log = await readFile(setting.operatorLog, 'utf8');
  tell.output('the end of the operator log', log.trimEnd().split('\n').slice(-20).join('\n'));
  if (!keep) tell.say('\nmake demo KEEP=1 leaves it running, to look around.');
}
/** What one can do with a demo that is left running. */
function howToUse({ say, heading }: Tell, setting: Setting): void {
  heading('It keeps running. In another terminal:');
  say(`
export KUBECONFIG=${setting.plane.kubeconfigPath}
export PATH=${dirname(setting.kubectlPath)}:$PATH
kubectl get gos --all-namespaces --watch

git clone ${setting.cloneUrl} && cd shop
git revert --no-edit HEAD && git push      # payments come back: Ready within 10 s

curl -s ${setting.metricsUrl}/metrics | grep ^plumbline_
tail -f ${setting.operatorLog}`);
  heading(`Ctrl-C, or kill ${process.pid}, stops it and leaves nothing behind.`);
}
