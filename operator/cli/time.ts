/** Pure: times as people type them, and as they are shown. */
import { parseDuration } from '../api/duration.ts';

/** A moment, milliseconds since the epoch, and how it was understood. */
export interface Moment {
  readonly at: number;
  /** `2026-11-24 14:05:00 +01:00 (Europe/Berlin)` */
  readonly text: string;
}

const forms = '`2026-11-24T14:05:00Z`, `2026-11-24 14:05`, `14:05`, `tuesday 14:05`, `yesterday 14:05`, `2h ago`, `-2h`, `3d ago`';
/** What can be typed, for messages. */
export const timeForms = `Write it as ${forms.replaceAll('`', '')}.`;

const dayMs = 86_400_000;
const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/**
 * `zone` (IANA) is that of a time that states none. A clock alone is the last time that it showed that; a weekday the last
 * one before today. Undefined for what is no time.
 */
export function parseTime(text: string, now: number, zone: string): Moment | undefined {
  const typed = text.trim().toLowerCase().replaceAll(/\s+/g, ' ');
  const at = typed === 'now' ? now : (ago(typed, now) ?? absolute(typed) ?? onDay(typed, now, zone));
  return at === undefined || !Number.isFinite(at) ? undefined : { at, text: `${localText(at, zone)} (${zone})` };
}

/** `2026-11-24 14:05:00 +01:00`, in a zone. */
export function localText(at: number, zone: string): string {
  const offset = offsetOf(at, zone);
  const minutes = Math.abs(Math.round(offset / 60_000));
  const sign = offset < 0 ? '-' : '+';
  const clock = `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  return `${new Date(at + offset).toISOString().slice(0, 19).replace('T', ' ')} ${sign}${clock}`;
}

/** `2h ago`, `1h30m ago`, `3d ago`, and the same with a minus instead. */
function ago(typed: string, now: number): number | undefined {
  const [, after, before] = /^(?:-\s?(\S+)|(\S+) ago)$/.exec(typed) ?? [];
  const [, days = '', rest = ''] = /^(?:(\d{1,5})d)?(.*)$/.exec(after ?? before ?? '') ?? [];
  const restMs = rest === '' ? 0 : parseDuration(rest);
  return (days === '' && rest === '') || restMs === undefined ? undefined : now - Number(days) * dayMs - restMs;
}

/** RFC 3339, with a space or a T, and with its own zone. */
function absolute(typed: string): number | undefined {
  const parts = /^(\d{4}-\d{2}-\d{2})[t ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) ?(z|[+-]\d{2}:\d{2})$/.exec(typed);
  if (parts === null || !isDay(parts[1] ?? '')) return undefined;
  return Date.parse(`${parts[1]}T${parts[2]}${(parts[3] ?? '').toUpperCase()}`);
}

/** A day, a clock, or both, in the zone. */
function onDay(typed: string, now: number, zone: string): number | undefined {
  const parts = /^(?:last )?(?:(\d{4}-\d{2}-\d{2})|([a-z]+))?(?:(?:^|[t ]| at )(\d{1,2}):(\d{2})(?::(\d{2}))?)?$/.exec(typed);
  if (parts === null || typed === '') return undefined;
  const [, date, word, hours, minutes, seconds = '0'] = parts;
  const time = hours === undefined ? 0 : ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000;
  if (Number(hours ?? 0) > 23 || Number(minutes ?? 0) > 59 || Number(seconds) > 59) return undefined;
  const today = Math.floor((now + offsetOf(now, zone)) / dayMs) * dayMs;
  if (date !== undefined) return isDay(date) ? fromLocal(Date.parse(`${date}T00:00:00Z`) + time, zone) : undefined;
  if (word !== undefined) {
    const back = daysBack(word, new Date(today).getUTCDay());
    return back === undefined ? undefined : fromLocal(today - back * dayMs + time, zone);
  }
  const at = fromLocal(today + time, zone);
  return at > now ? fromLocal(today - dayMs + time, zone) : at;
}

function daysBack(word: string, today: number): number | undefined {
  if (word === 'today') return 0;
  if (word === 'yesterday') return 1;
  const day = weekdays.findIndex((name) => name === word || name.slice(0, 3) === word);
  return day < 0 ? undefined : ((today - day + 6) % 7) + 1;
}

/** Whether there is such a day: Date takes the 31st of February for the 3rd of March. */
function isDay(date: string): boolean {
  const parsed = Date.parse(`${date}T00:00:00Z`);
  return Number.isFinite(parsed) && new Date(parsed).toISOString().startsWith(date);
}

/** What the clock on the wall shows, as if it were UTC, as the moment that it is. An hour that a zone leaves out is the one after it. */
function fromLocal(wall: number, zone: string): number {
  const guess = wall - offsetOf(wall, zone);
  return wall - offsetOf(guess, zone);
}

/** How far a zone is ahead of UTC at a moment, milliseconds. */
function offsetOf(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(at);
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign, hours = '0', minutes = '0', seconds = '0'] = /GMT([+-])(\d{2}):(\d{2})(?::(\d{2}))?/.exec(name) ?? [];
  return (sign === '-' ? -1 : 1) * ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000;
}
