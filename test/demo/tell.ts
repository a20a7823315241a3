/** What the demo says on a terminal: headings, progress, checked claims, the output of commands. */
import { setTimeout as delay } from 'node:timers/promises';
import { styleText } from 'node:util';
import { type Progress, durationText, progressOn } from '../controlplane/progress.ts';

export interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Whether colours are wanted (NO_COLOR) and can be shown. */
  hasColors?(): boolean;
}

/** Something that must be so, now or soon. */
export interface Claim {
  /** A whole sentence without a full stop. */
  readonly says: string;
  readonly expected: string | RegExp;
  /** What is seen; asked again until it is as expected. A rejection counts as not yet. */
  got(): Promise<string>;
  /** Where to look when it is not so. */
  readonly look: string;
  /** Default 15,000. */
  readonly withinMs?: number;
}

export interface Tell {
  heading(text: string): void;
  say(text?: string): void;
  /** A message of the operator's, in lines that can be read. */
  quote(text: string): void;
  /** A command with what it printed. */
  output(command: string, printed: string): void;
  /** Says what is being done for as long as it takes (unless the work tells its own progress), and that it is done. */
  during<T>(text: string, work: () => Promise<T>, progress?: 'its own'): Promise<T>;
  /** Waits until a claim holds; rejects with NotAsTold when it does not in time. */
  check(claim: Claim): Promise<void>;
  /** For work that tells its own progress. */
  readonly progress: Progress;
}

/** A claim that did not hold: the message has what was expected, what was seen, and where to look. */
export class NotAsTold extends Error {
  constructor(claim: Claim, got: string) {
    super(`expected  ${String(claim.expected)}\ngot       ${got}\nlook at   ${claim.look}`);
    this.name = 'NotAsTold';
  }
}

/** Where quoted text is wrapped. */
const quoteWidth = 100;
const tickMs = 200;
const askMs = 150;

/** Tells on a screen; in place and in colour only where that is a terminal. */
export function tellOn(screen: Screen, signal: AbortSignal): Tell {
  const tty = screen.isTTY === true;
  const colours = tty && screen.hasColors?.() !== false;
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    colours ? styleText(format, text, { validateStream: false }) : text;
  const lines = progressOn(screen);
  const say: Tell['say'] = (text = '') => lines.say(indented(text, 2));

  const during: Tell['during'] = async (text, work, progress) => {
    const began = performance.now();
    const tick = (): void => {
      const line = `  … ${text}, ${durationText(performance.now() - began)}`;
      // One that wraps cannot be replaced.
      lines.tick(tty ? paint('dim', line.slice(0, (screen.columns ?? 80) - 1)) : line);
    };
    if (tty && progress === undefined) tick();
    const timer = progress === undefined ? setInterval(tick, tickMs) : undefined;
    try {
      const value = await work();
      const took = performance.now() - began;
      lines.say(`  ${paint('green', '✓')} ${text}${took < 1_000 ? '' : paint('dim', `  ${(took / 1_000).toFixed(1)} s`)}`);
      return value;
    } catch (error) {
      lines.say(`  ${signal.aborted ? '-' : paint('red', '✗')} ${text}`);
      throw error;
    } finally {
      clearInterval(timer);
    }
  };

  return {
    heading: (text) => lines.say(`\n${paint('bold', text)}`),
    say,
    quote: (text) => lines.say(`\n${indented(wrapped(text), 6)}`),
    output(command, printed) {
      lines.say(`\n${indented(paint('cyan', `$ ${command}`), 2)}`);
      lines.say(indented(printed.trimEnd(), 4));
    },
    during,
    check: (claim) => during(claim.says, () => holds(claim, signal)),
    progress: { say: (text) => lines.say(indented(text, 4)), tick: (text) => lines.tick(indented(text, 4)) },
  };
}

async function holds(claim: Claim, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + (claim.withinMs ?? 15_000);
  for (;;) {
    const got = await claim.got().then(
      (text) => text.trim(),
      (error: Error) => error.message,
    );
    signal.throwIfAborted();
    if (typeof claim.expected === 'string' ? got === claim.expected : claim.expected.test(got)) return;
    if (performance.now() > deadline) throw new NotAsTold(claim, got);
    await delay(askMs, undefined, { signal });
  }
}

function indented(text: string, by: number): string {
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(by));
}

/** Lines of words; a command to copy, indented in the message, stays whole. */
function wrapped(text: string): string {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith(' ')) lines.push(line);
    else lines.push(...linesOf(line.split(' ')));
  }
  return lines.join('\n');
}

function linesOf(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > quoteWidth) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
