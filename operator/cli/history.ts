/** Pure: `kubectl plumbline history`, the revisions of a source as a table, newest first. */
import { revisionText } from '../report/message.ts';
import { counted } from '../report/text.ts';
import { tableText } from './table.ts';
import { localText } from './time.ts';
import type { SourceTrail, Told } from './told.ts';

/** Rows, unless --limit says otherwise. */
export const defaultLimit = 50;

const header = ['NUMBER', 'REVISION', 'RESULT', 'CAUSE', 'ATTEMPTED', 'APPLIED', 'HEALTHY', 'CHANGES', 'AUTHOR', 'SUBJECT'];

/** A table for each source of this name: the one that is there, and those before it that are gone. */
export function historyText(trails: readonly SourceTrail[], limit: number, zone: string): string {
  return trails
    .map((trail) => {
      const shown = newestFirst(trail).slice(0, limit);
      const more = newestFirst(trail).length - shown.length;
      const tail = more > 0 ? `${counted(more, 'older one')} left out; --limit=N shows more.\n` : '';
      const gaps = shown.flatMap(gapText).join('');
      const title = trail.gone ? `GitOpsSource ${trail.namespace}/${trail.name}, ${goneText(trail, zone)}:\n` : '';
      const rows = shown.map((told) => rowOf(told, zone));
      return `${title}${rows.length === 0 ? 'Nothing was attempted yet.\n' : tableText(header, rows)}${gaps}${tail}`;
    })
    .join('\n');
}

/** The same as data. */
export function historyData(trails: readonly SourceTrail[], limit: number): object {
  return {
    sources: trails.map((trail) => {
      const all = newestFirst(trail);
      const revisions = all.slice(0, limit).map(({ data, ...told }) => ({ ...told, ...data }));
      return { ...trail, revisions, more: all.length - revisions.length };
    }),
  };
}

/** `gone since 2026-11-24 14:05:00 +01:00` */
export function goneText({ ended }: SourceTrail, zone: string): string {
  return ended === undefined ? 'which is gone' : `gone since ${localText(Date.parse(ended), zone)}`;
}

/** `Failed (ObjectRefused)`; what is not over says so. */
export function resultText({ data, record }: Told): string {
  const reason = data.failures.at(-1)?.reason;
  const why = data.result !== 'Healthy' && reason !== undefined ? ` (${reason})` : '';
  if (record !== undefined || data.result === 'Healthy') return `${data.result}${why}`;
  return data.times.applied === undefined ? `Trying${why}` : `Awaiting health${why}`;
}

function newestFirst({ revisions }: SourceTrail): readonly Told[] {
  return revisions.filter(({ silent }) => silent !== true).toReversed();
}

function rowOf(told: Told, zone: string): readonly (string | undefined)[] {
  const { commit, times, cause } = told.data;
  const time = (at: string | undefined): string | undefined => (at === undefined ? undefined : localText(Date.parse(at), zone));
  return [
    String(told.number),
    revisionText(commit.ref, commit.sha),
    resultText(told),
    cause,
    time(times.attempted),
    time(times.applied),
    time(times.healthy),
    changesText(told),
    commit.author,
    commit.subject,
  ];
}

/** What is missing before a revision, where the trail could not be written. */
function gapText({ number, data }: Told): readonly string[] {
  const { unrecorded = [], more } = data;
  if (unrecorded.length === 0) return [];
  const commits = unrecorded.map(({ commit }) => commit.slice(0, 7)).join(', ');
  const rest = (more.unrecorded ?? 0) > 0 ? ` and ${more.unrecorded} before` : '';
  return [`Before number ${number}, without a record since the trail could not be written: ${commits}${rest}.\n`];
}

/** `+2 ~1 -3`: created, changed, pruned; `o1`: let go. Corrections of drift are no change of git's. */
function changesText({ data: { changes }, corrections }: Told): string {
  const parts = [
    ['+', changes.created],
    ['~', changes.changed],
    ['-', changes.pruned],
    ['o', changes.letGo],
  ] as const;
  const sum = corrections.reduce((all, { count }) => all + count, 0);
  const texts = parts.filter(([, count]) => count > 0).map(([sign, count]) => `${sign}${count}`);
  return [...texts, ...(sum > 0 ? [`(${counted(sum, 'correction')})`] : [])].join(' ');
}
