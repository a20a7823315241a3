/** An operator that starts over everything that the one before it left. */
import { GiveUp, NotYet, waitFor } from '../../test/controlplane/wait-for.ts';
import { metricValue } from '../../test/e2e/operator.ts';
import { isUpkeep, ofOperator, tableOf } from '../calls.ts';
import type { Calls } from '../calls.ts';
import type { Plane } from '../plane.ts';
import { launch } from '../sides.ts';
import { usageOf } from '../usage.ts';

export interface Restart {
  /** From the start of the process until the last source was found to be as git says, object by object. */
  readonly seconds: number;
  /** Of them, until its first request. */
  readonly startup: number;
  readonly writes: readonly Calls[];
  readonly peakMib: number;
}

/** The one before has ended. Resolves once every one of `sources` was walked. */
export async function measureRestart(plane: Plane, sources: number, objects: number): Promise<Restart> {
  const known = ofOperator(await plane.audit.events()).length;
  const spawned = Date.now();
  await using operator = await launch(plane.control.kubeconfigPath);
  let ended = false;
  void operator.ended.then(() => (ended = true));
  const last = await waitFor(
    'every source was walked',
    () => {
      if (ended) throw new GiveUp(`the operator ended\n${operator.output()}`);
      const walks = operator.logs().filter((line) => line['message'] === 'nothing to do');
      const walked = new Set(walks.map((line) => line['source'])).size;
      if (walked < sources) throw new NotYet(`${walked} of ${sources} were`);
      return Math.max(...walks.map((line) => Date.parse(String(line['time']))));
    },
    300_000,
  );
  await waitFor('every object counts as healthy', async () => {
    const text = await operator.metrics();
    const healthy = text
      .split('\n')
      .filter((line) => line.startsWith('plumbline_objects{') && line.includes('state="healthy"'))
      .reduce((sum, line) => sum + (metricValue(line, 'plumbline_objects', {}) ?? 0), 0);
    if (healthy !== objects) throw new NotYet(`${healthy} of ${objects} do`);
    return true;
  });
  const { peakMib } = await usageOf(operator.pid);
  const events = ofOperator(await plane.audit.events()).slice(known);
  const first = Math.min(...events.map((event) => Date.parse(event.requestReceivedTimestamp)));
  const writes = tableOf(
    events.filter((event) => !isUpkeep(event) && !/^(get|list)$/.test(event.verb)),
    0,
  );
  return { seconds: (last - spawned) / 1_000, startup: (first - spawned) / 1_000, writes, peakMib };
}
