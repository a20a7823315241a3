/** The trailers of a commit message, as git-interpret-trailers(1) finds them. */
import type { Trailer } from './types.ts';

/** What git writes itself: a paragraph with one of these is a block of trailers even if other text stands in it. */
const written = ['Signed-off-by: ', '(cherry picked from commit '];

/** In their order; values on several lines are joined by a space. */
export function parseTrailers(message: string): Trailer[] {
  const lines = message
    .replace(/^(?:[^\S\n]*\n)+/, '')
    .trimEnd()
    .split('\n');
  const trailers: { key: string; value: string }[] = [];
  for (const line of lines.slice(blockStart(lines))) {
    const last = trailers.at(-1);
    const [, key, value = ''] = /^([A-Za-z0-9-]+)[ \t]*:(.*)$/s.exec(line) ?? [];
    if (/^\s/.test(line)) {
      if (last !== undefined) last.value = `${last.value} ${line.trim()}`.trim();
    } else if (key !== undefined) trailers.push({ key, value: value.trim() });
  }
  return trailers;
}

/**
 * Where the last paragraph begins if it is one of trailers: all of its lines are, or git wrote one of them and a quarter
 * of them are. The title is never one. Without such a paragraph, the number of lines.
 */
function blockStart(lines: readonly string[]): number {
  const title = lines.findIndex((line) => isBlank(line));
  if (title < 0) return lines.length;
  let trailers = 0;
  let others = 0;
  let continued = 0;
  let isWritten = false;
  for (let at = lines.length - 1; at >= title; at -= 1) {
    const line = lines[at] ?? '';
    if (line.startsWith('#')) {
      others += continued;
      continued = 0;
    } else if (isBlank(line)) {
      others += continued;
      const is = isWritten ? trailers * 3 >= others : trailers > 0 && others === 0;
      return is ? at + 1 : lines.length;
    } else if (written.some((prefix) => line.startsWith(prefix))) {
      isWritten = true;
      trailers += 1;
      continued = 0;
    } else if (/^[A-Za-z0-9-]+[ \t]*:/.test(line)) {
      trailers += 1;
      continued = 0;
    } else if (/^\s/.test(line)) {
      continued += 1;
    } else {
      others += 1 + continued;
      continued = 0;
    }
  }
  return lines.length;
}

function isBlank(line: string): boolean {
  return line.trim() === '';
}
