/** What is kept and told after something was to be put back of the revision that runs, while another one fails. */
import type { GitOpsSource } from '../api/types.ts';
import type { Entry } from './entry.ts';
import type { SourceLog } from './source-log.ts';
import type { Teller } from './teller.ts';
import type { WalkResult } from './walk.ts';

/** What stays off is told once, until something else does. */
export function takePutBack(
  { log, teller }: { readonly log: SourceLog; readonly teller: Pick<Teller, 'notPutBack'> },
  entry: Entry,
  source: GitOpsSource,
  { running, putBack }: Pick<WalkResult, 'running' | 'putBack'>,
): void {
  const { namespace, name } = source.metadata;
  entry.running = running;
  if (putBack?.error !== undefined) log.of(`${namespace}/${name}`).debug('what runs cannot be put back', { error: putBack.error });
  const stuck = putBack?.stuck ?? [];
  const text = stuck.toSorted().join('\n');
  if (stuck.length > 0 && text !== entry.toldStuck) teller.notPutBack(source, stuck);
  entry.toldStuck = text;
}
