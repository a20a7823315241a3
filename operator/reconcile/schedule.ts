/** spec.schedule: five cron fields in UTC, or in the zone that CRON_TZ= names; node-cron keeps the time. */
import { createTask, validate } from 'node-cron';
import { PlumblineError } from '../errors.ts';

export interface Schedule {
  readonly expression: string;
  /** An IANA zone. */
  readonly timezone: string;
}

/** Reads `0 6 * * 1-5` or `CRON_TZ=Europe/Vienna 0 6 * * 1-5`. Throws PlumblineError InvalidSpec. */
export function parseSchedule(text: string): Schedule {
  const [, zone, expression = ''] = /^(?:CRON_TZ=(\S+)\s+)?(.*)$/s.exec(text.trim()) ?? [];
  const fields = expression.split(/\s+/);
  if (fields.length !== 5) throw invalid(`spec.schedule needs five fields and has ${fields.length}`);
  if (!validate(expression)) throw invalid('spec.schedule does not parse as a cron expression');
  const timezone = zone ?? 'UTC';
  if (!isTimeZone(timezone)) throw invalid(`spec.schedule names the time zone ${timezone}, which is not known`);
  return { expression, timezone };
}

/** Calls `tick` at the scheduled times until the returned function is called. */
export function runSchedule(schedule: Schedule, tick: () => void): () => void {
  const task = createTask(schedule.expression, tick, { timezone: schedule.timezone });
  void task.start();
  return () => void task.destroy();
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function invalid(message: string): PlumblineError {
  const remedy =
    'Write minute, hour, day of month, month and day of week, as in "0 6 * * 1-5"; CRON_TZ=Europe/Vienna before them sets the zone.';
  return new PlumblineError({ reason: 'InvalidSpec', message, remedy });
}
