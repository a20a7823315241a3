/** Pure: `kubectl plumbline at`, which commit each source ran at a time. */
import { revisionText } from '../report/message.ts';
import { counted } from '../report/text.ts';
import { tableText } from './table.ts';
import { localText } from './time.ts';
import type { Moment } from './time.ts';
import type { SourceTrail, Told } from './told.ts';

/** What one source ran. */
export interface RanAt {
  readonly source: string;
  readonly uid: string;
  readonly gone: boolean;
  /** Undefined where nothing was applied yet, or where that is not known; `note` says which. */
  readonly commit?: string;
  readonly ref?: string;
  readonly author?: string;
  readonly subject?: string;
  /** Since when, RFC 3339. */
  readonly since?: string;
  /** Whether it was healthy then, as far as is told: when it became so, and that it was not in time. */
  readonly health?: 'Healthy' | 'NotYet' | 'Unknown';
  /** The record that tells it. */
  readonly record?: string;
  /** What was being brought in then, or failed. */
  readonly trying?: { readonly commit: string; readonly reason?: string };
  readonly note?: string;
}

/** A moment at which another commit ran. */
interface Step {
  readonly time: string;
  readonly told: Told;
  readonly commit: string;
  readonly author?: string | undefined;
  readonly subject?: string | undefined;
  /** Commits right before this one that are not listed any more. */
  readonly unlisted: number;
}

/** What these sources ran at that time; those that were not there yet, or no longer, are left out. */
export function ranAt(trails: readonly SourceTrail[], at: number): readonly RanAt[] {
  return trails.flatMap((trail) => {
    const first = trail.revisions[0];
    const isOver = trail.ended !== undefined && Date.parse(trail.ended) <= at;
    if (first === undefined || isOver) return [];
    const begins = Date.parse(first.data.times.attempted);
    // Of a source that was not there yet the trail says nothing; of one whose oldest records are gone it cannot.
    if (at < begins && first.data.from === undefined) return [];
    return [of(trail, first, at)];
  });
}

export function atText(ran: readonly RanAt[], moment: Moment, namespace: string, zone: string): string {
  const head = `At ${moment.text}:\n`;
  if (ran.length === 0) return `${head}No source of namespace ${namespace} is known to have run anything.\n`;
  const rows = ran.map((one) => [
    one.source,
    one.commit === undefined ? undefined : revisionText(one.ref, one.commit),
    one.since === undefined ? undefined : localText(Date.parse(one.since), zone),
    one.health === 'NotYet' ? 'not yet' : one.health === 'Healthy' ? 'yes' : undefined,
    one.author,
    one.subject,
    noteText(one),
  ]);
  return head + tableText(['SOURCE', 'REVISION', 'SINCE', 'HEALTHY', 'AUTHOR', 'SUBJECT', 'NOTE'], rows);
}

function of(trail: SourceTrail, first: Told, at: number): RanAt {
  const about = { source: `${trail.namespace}/${trail.name}`, uid: trail.uid, gone: trail.gone };
  const steps = trail.revisions.flatMap(stepsOf).toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time));
  const index = steps.findLastIndex(({ time }) => Date.parse(time) <= at);
  const step = steps[index];
  const trying = tryingAt(trail, at);
  const goes = trail.gone && trail.ended === undefined ? ['the source is gone; since when is not recorded'] : [];
  if (step === undefined) {
    const { from, times } = first.data;
    const isIn = from !== undefined && Date.parse(times.attempted) <= at;
    const note =
      from === undefined ? 'nothing was applied yet' : isIn ? 'since before its trail begins' : `its trail begins at ${times.attempted}`;
    return { ...about, ...(isIn ? { commit: from } : {}), ...trying, note: [note, ...goes].join('; ') };
  }
  const { told, commit, author, subject, time } = step;
  const { ref, sha } = told.data.commit;
  const unlisted = steps[index + 1]?.unlisted ?? 0;
  const notes = [...(unlisted > 0 ? [`or one of ${counted(unlisted, 'commit')} after it, which changed nothing`] : []), ...goes];
  return {
    ...about,
    commit,
    ...(ref === undefined ? {} : { ref }),
    ...(author === undefined ? {} : { author }),
    ...(subject === undefined ? {} : { subject }),
    since: time,
    health: commit === sha || told.data.times.healthy !== undefined ? healthAt(told, at) : 'Unknown',
    ...(told.record === undefined ? {} : { record: told.record }),
    ...trying,
    ...(notes.length === 0 ? {} : { note: notes.join('; ') }),
  };
}

/** The commits that changed nothing came before a revision, or since; each was what ran from its time on. */
function stepsOf(told: Told): readonly Step[] {
  const { commit, times, commits, more } = told.data;
  const listed = [...commits, ...told.passed].flatMap((one): Step[] =>
    one.time === undefined ? [] : [{ ...one, time: one.time, told, unlisted: 0 }],
  );
  const [earliest, ...others] = listed;
  const before = earliest === undefined ? [] : [{ ...earliest, unlisted: more.commits ?? 0 }, ...others];
  const own = { told, commit: commit.sha, author: commit.author, subject: commit.subject, unlisted: 0 };
  return [...before, ...(times.applied === undefined ? [] : [{ ...own, time: times.applied }])];
}

function healthAt({ data: { times } }: Told, at: number): 'Healthy' | 'NotYet' {
  return times.healthy !== undefined && Date.parse(times.healthy) <= at ? 'Healthy' : 'NotYet';
}

/** The last attempt before that time, where it was not in by then. */
function tryingAt({ revisions }: SourceTrail, at: number): Pick<RanAt, 'trying'> {
  const last = revisions.findLast(({ data }) => Date.parse(data.times.attempted) <= at);
  const { applied } = last?.data.times ?? {};
  if (last === undefined || (applied !== undefined && Date.parse(applied) <= at)) return {};
  const reason = last.data.failures.findLast(({ time }) => Date.parse(time) <= at)?.reason;
  return { trying: { commit: last.data.commit.sha, ...(reason === undefined ? {} : { reason }) } };
}

function noteText({ trying, note, gone }: RanAt): string | undefined {
  const parts = [
    ...(trying === undefined
      ? []
      : [
          trying.reason === undefined
            ? `${trying.commit.slice(0, 7)} was being brought in`
            : `${trying.commit.slice(0, 7)} failed (${trying.reason})`,
        ]),
    ...(note === undefined ? [] : [note]),
    ...(gone && note === undefined ? ['the source is gone now'] : []),
  ];
  return parts.length === 0 ? undefined : parts.join('; ');
}
