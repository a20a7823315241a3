import { expect, test } from '@jest/globals';
import { PlumblineError } from '../operator/errors.ts';
import { createLogger, logLevels } from '../operator/log.ts';
import type { LogLevel, Logger } from '../operator/log.ts';

const now = (): number => Date.UTC(2026, 0, 2, 3, 4, 5, 678);

function recorded(level: LogLevel = 'info'): { log: Logger; lines: () => Record<string, unknown>[]; text: () => string } {
  let text = '';
  const log = createLogger({ level, write: (line) => (text += line), now });
  return {
    log,
    text: () => text,
    lines: () =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

test('a line is one JSON object with time, level, message and the fields', () => {
  const { log, text } = recorded();
  log.info('applied', { namespace: 'shop', source: 'web', objects: 12, changed: false, commit: '4f2a9c1' });
  expect(text()).toBe(
    '{"time":"2026-01-02T03:04:05.678Z","level":"info","message":"applied","namespace":"shop","source":"web","objects":12,"changed":false,"commit":"4f2a9c1"}\n',
  );
});

test.each(logLevels.map((level, index) => [level, logLevels.slice(index)] as const))('at level %s, %j are written', (level, written) => {
  const { log, lines } = recorded(level);
  for (const one of logLevels) log[one]('x');
  expect(lines().map((line) => line['level'])).toEqual(written);
});

test('an error is told by reason and message, its stack at debug alone', () => {
  const error = new PlumblineError({ reason: 'GitTimeout', message: 'git.example.com said nothing for 30 seconds' });
  const quiet = recorded('info');
  quiet.log.warn('failed', { error });
  expect(quiet.lines()).toEqual([expect.objectContaining({ reason: 'GitTimeout', error: 'git.example.com said nothing for 30 seconds' })]);
  expect(quiet.lines()[0]).not.toHaveProperty('stack');
  const loud = recorded('debug');
  loud.log.warn('failed', { error });
  expect(loud.lines()[0]).toHaveProperty('stack', expect.stringContaining('log.test.ts'));
});

test('a stated reason wins over that of the error', () => {
  const { log, lines } = recorded();
  const error = new PlumblineError({ reason: 'GitError', message: 'x' });
  log.warn('failed', { reason: 'Forbidden', error });
  log.warn('failed', { error, reason: 'Forbidden' });
  expect(lines().map((line) => line['reason'])).toEqual(['Forbidden', 'Forbidden']);
});

test('a field takes the place of nothing that every line has', () => {
  const { log, lines } = recorded();
  log.info('applied', { message: 'other', level: 'debug', time: 1 });
  expect(lines()[0]).toMatchObject({ level: 'info', message: 'applied', message_: 'other', level_: 'debug', time_: 1 });
});

test('a text with newlines stays one line', () => {
  const { log, text } = recorded();
  log.info('a\nb', { field: 'c\r\nd\u2028' });
  expect(text().split('\n')).toHaveLength(2);
});

test('what is long is cut', () => {
  const { log, lines } = recorded();
  log.info('x'.repeat(10_000), {
    text: 'x'.repeat(10_000),
    list: Array.from({ length: 10_000 }, () => 'x'),
    error: new Error('x'.repeat(10_000)),
  });
  for (const value of Object.values(lines()[0] ?? {})) expect(String(value).length).toBeLessThanOrEqual(4_096);
});

const circular: Record<string, unknown> = {};
circular['self'] = circular;
const hostile = Object.defineProperty({}, 'toJSON', {
  value: () => {
    throw new Error('no');
  },
});

test.each<readonly [string, unknown, unknown]>([
  ['undefined', undefined, undefined],
  ['a function', () => 1, undefined],
  ['null', null, null],
  ['a bigint', 9007199254740993n, '9007199254740993'],
  ['a bigint inside', { n: 1n }, { n: '1' }],
  ['a circle', circular, expect.stringMatching(/^cannot be written: .*circular/s)],
  ['what throws', hostile, 'cannot be written: no'],
  ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
  ['a map', new Map([['a', 1]]), {}],
  ['not a number', Number.NaN, null],
])('%s is written as far as JSON can, and nothing is thrown', (_what, value, expected) => {
  const { log, lines } = recorded();
  log.info('x', { value });
  expect(lines()[0]?.['value']).toEqual(expected);
});

test('a log that cannot be written stops nobody', () => {
  const log = createLogger({
    level: 'info',
    now,
    write: () => {
      throw new Error('EPIPE');
    },
  });
  expect(() => log.error('x')).not.toThrow();
});
