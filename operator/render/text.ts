/** Bytes to text, and offsets in the text to lines and columns. */
import { isUtf8 } from 'node:buffer';

/** A line and column, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The line and column of an offset, in UTF-16 units. */
export type Locate = (offset: number) => Position;

/** Something wrong in a text, at an offset. */
export type Report = (offset: number, message: string, remedy?: string) => void;

/** A document of a text; offsets count its UTF-16 units. */
export interface RawDocument {
  readonly value: unknown;
  /** Where its content begins. */
  readonly start: number;
  /** Where a mapping of this document begins, or one of its keys (one that a merge brought in is not found). */
  find(mapping: object, key?: string): number | undefined;
}

const byteOrderMark = 0xfeff;

/** UTF-8 to text, without a byte order mark, lone carriage returns as line feeds (YAML breaks lines at both); the position of the first fault where it is not UTF-8. */
export function decodeText(content: Buffer): { readonly text: string } | { readonly invalid: Position } {
  if (!isUtf8(content)) return { invalid: firstInvalid(content) };
  const decoded = content.toString('utf8');
  const text = decoded.charCodeAt(0) === byteOrderMark ? decoded.slice(1) : decoded;
  return { text: text.includes('\r') ? text.replace(/\r(?!\n)/g, '\n') : text };
}

function firstInvalid(content: Buffer): Position {
  let start = 0;
  for (let line = 1; ; line++) {
    const newline = content.indexOf(0x0a, start);
    const bytes = content.subarray(start, newline < 0 ? content.length : newline);
    // No byte of a longer character is a line feed, so lines can be judged one by one.
    if (!isUtf8(bytes) || newline < 0) return { line, column: Math.max(0, bytes.toString('utf8').indexOf('\ufffd')) + 1 };
    start = newline + 1;
  }
}

/** Finds lines and columns in `text`; the lines are indexed at the first question. */
export function locator(text: string): Locate {
  let starts: number[] | undefined;
  return (offset) => {
    starts ??= lineStarts(text);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let newline = text.indexOf('\n'); newline >= 0; newline = text.indexOf('\n', newline + 1)) starts.push(newline + 1);
  return starts;
}
