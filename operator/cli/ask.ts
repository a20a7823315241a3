/** `history`, `at` and `trace`: what is asked of the cluster, and how it is printed. Nothing is written. */
import type { Writable } from 'node:stream';
import type { ConnectedClient } from '../kube/connect.ts';
import { atText, ranAt } from './at.ts';
import { NotFound, UsageError } from './errors.ts';
import { defaultLimit, historyData, historyText } from './history.ts';
import { readTrails } from './read-trail.ts';
import { parseTime, timeForms } from './time.ts';
import { traceObject, traceText } from './trace.ts';

export const questions = ['history', 'at', 'trace'] as const;
export type Question = (typeof questions)[number];

/** A question, as it was typed. */
export interface Asked {
  readonly verb: Question;
  readonly words: readonly string[];
  readonly namespace: string | undefined;
  readonly output: string | undefined;
  readonly limit: string | undefined;
}

/** A question that makes sense. */
export type Query =
  | { readonly verb: 'history'; readonly namespace: string; readonly name: string; readonly limit: number; readonly json: boolean }
  | {
      readonly verb: 'at';
      readonly moment: { readonly at: number; readonly text: string };
      readonly namespace: string | undefined;
      readonly json: boolean;
    }
  | {
      readonly verb: 'trace';
      readonly kind: string;
      readonly name: string;
      readonly namespace: string | undefined;
      readonly json: boolean;
    };

const maxLimit = 10_000;

/** Pure: what was typed, understood; `zone` is that of a time that states none. Throws UsageError. */
export function queryOf({ verb, words, namespace, output, limit }: Asked, now: number, zone: string): Query {
  if (output !== undefined && output !== 'json') throw new UsageError(`-o ${output}: only json is known, and without it a table`);
  if (limit !== undefined && verb !== 'history') throw new UsageError('--limit belongs to history');
  const json = output === 'json';
  if (verb === 'at') {
    const moment = parseTime(words.join(' '), now, zone);
    if (words.length === 0) throw new UsageError(`at takes TIME. ${timeForms}`);
    if (moment === undefined) throw new UsageError(`${words.join(' ')} is no time that is understood. ${timeForms}`);
    if (moment.at > now) throw new UsageError(`${moment.text} is yet to come`);
    return { verb, moment, namespace, json };
  }
  const parts = words.flatMap((word) => word.split('/'));
  const [first = '', name = ''] = parts;
  if (verb === 'trace') {
    if (parts.length !== 2 || first === '' || name === '') throw new UsageError('trace takes KIND/NAME, as deployment/web');
    return { verb, kind: first, name, namespace, json };
  }
  const isWhole = words.length === 1 && parts.length === 2 && first !== '' && name !== '';
  const isName = words.length === 1 && parts.length === 1 && first !== '' && namespace !== undefined;
  if (!isWhole && !isName) throw new UsageError('history takes NAMESPACE/NAME');
  const rows = limit === undefined ? defaultLimit : Number(limit);
  if (!Number.isInteger(rows) || rows < 1 || rows > maxLimit)
    throw new UsageError(`--limit=${limit}: write a number from 1 to ${maxLimit}`);
  return { verb, namespace: isWhole ? first : (namespace ?? ''), name: isWhole ? name : first, limit: rows, json };
}

/** Answers, and returns the exit status. Throws NotFound and KubeError. */
export async function answer(client: ConnectedClient, query: Query, zone: string, out: Writable, signal: AbortSignal): Promise<number> {
  const { json } = query;
  const namespace = query.namespace ?? client.namespace ?? 'default';
  const print = (data: object, text: string): void => void out.write(json ? `${JSON.stringify(data, undefined, 2)}\n` : text);
  if (query.verb === 'history') {
    const trails = await readTrails(client, { namespace, name: query.name }, signal);
    if (trails.length === 0) throw new NotFound(`there is no GitOpsSource ${namespace}/${query.name}, and no record of one`);
    print(historyData(trails, query.limit), historyText(trails, query.limit, zone));
    return 0;
  }
  if (query.verb === 'at') {
    const ran = ranAt(await readTrails(client, { namespace }, signal), query.moment.at);
    const at = new Date(query.moment.at).toISOString();
    print({ at, namespace, sources: ran }, atText(ran, query.moment, namespace, zone));
    return 0;
  }
  const trace = await traceObject(client, query.kind, { namespace, name: query.name }, signal);
  print(trace, traceText(trace, zone));
  return trace.source === undefined && trace.note === undefined ? 1 : 0;
}
