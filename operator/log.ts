/**
 * Logs: one JSON object a line, with a constant message and the data as fields. One line per outcome at info, the rest
 * at debug. Nothing in here throws, whatever it is given.
 */
import { PlumblineError } from './errors.ts';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Data of a line: `namespace`, `source`, `commit`, `reason` and the like. `error` may be whatever was thrown. */
export type LogFields = Readonly<Record<string, unknown>>;

export type Log = (message: string, fields?: LogFields) => void;

export interface Logger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}

export interface LoggerOptions {
  /** What is below is not written. */
  readonly level: LogLevel;
  /** Takes one line with its newline. */
  readonly write: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Characters of one text, and of what a field holds as JSON. */
const longest = 4_096;

/** A logger. Errors are told by reason and message, with their stack only at level debug. */
export function createLogger({ level, write, now }: LoggerOptions): Logger {
  const least = logLevels.indexOf(level);
  const at = (lineLevel: LogLevel): Log => {
    if (logLevels.indexOf(lineLevel) < least) return () => {};
    return (message, fields = {}) => {
      const line = lineOf(lineLevel, message, fields, level === 'debug', now);
      try {
        write(line);
      } catch (error) {
        // Where the log cannot be written, nobody can be told; the work goes on.
        void error;
      }
    };
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function lineOf(level: LogLevel, message: string, fields: LogFields, withStack: boolean, now: () => number): string {
  const head = { time: new Date(now()).toISOString(), level, message: shortened(message) };
  const told: Record<string, unknown> = { ...head };
  for (const [name, value] of Object.entries(fields)) {
    // A field never takes the place of what every line has.
    const key = name in head ? `${name}_` : name;
    for (const [part, text] of Object.entries(fieldOf(key, value, withStack))) {
      // What is stated wins over what an error brings along.
      if (part === key || !(part in fields)) told[part] = text;
    }
  }
  return `${JSON.stringify(told)}\n`;
}

/** A field as it is written: bounded, and always something that JSON can hold. */
function fieldOf(name: string, value: unknown, withStack: boolean): Readonly<Record<string, unknown>> {
  try {
    if (value instanceof Error) return errorFields(name, value, withStack);
    if (value === undefined || typeof value === 'function' || typeof value === 'symbol') return {};
    if (typeof value === 'string') return { [name]: shortened(value) };
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return { [name]: value };
    const json = JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner));
    return { [name]: json.length > longest ? shortened(json) : JSON.parse(json) };
  } catch (error) {
    return { [name]: `cannot be written: ${shortened(error instanceof Error ? error.message : 'it throws')}` };
  }
}

/** `error` (its message), and `reason` where it has one of the catalogue. */
function errorFields(name: string, error: Error, withStack: boolean): Readonly<Record<string, unknown>> {
  return {
    [name]: shortened(error.message),
    ...(error instanceof PlumblineError ? { reason: error.reason } : {}),
    ...(withStack && error.stack !== undefined ? { stack: shortened(error.stack) } : {}),
  };
}

function shortened(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}
