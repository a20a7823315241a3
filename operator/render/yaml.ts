/** YAML as kubectl reads it: documents divided by `---`, each parsed by itself, so that one that is broken hides no fault of another. */
import { parseEvents, YAMLException } from 'js-yaml';
import type { Event } from 'js-yaml';
import { constructDocuments } from './construct.ts';
import { maxDepth, maxDocuments, maxLines, maxNodes } from './limits.ts';
import type { RawDocument, Report } from './text.ts';

/** The documents of a YAML text, empty ones left out. Reports what is wrong with the others. */
export function readYaml(text: string, report: Report): RawDocument[] {
  const documents: RawDocument[] = [];
  let chunks = 0;
  for (const { start, end } of chunksOf(text)) {
    if (++chunks > maxDocuments) {
      report(start, `there are more than ${maxDocuments} documents in this file`);
      break;
    }
    const source = text.slice(start, end);
    const events = parse(source, (offset, message) => report(start + offset, message));
    if (events === undefined) continue;
    for (const document of constructDocuments(source, events, (offset, message) => report(start + offset, message))) {
      documents.push({
        value: document.value,
        start: start + document.start,
        find: (mapping, key) => {
          const offset = document.find(mapping, key);
          return offset === undefined ? undefined : start + offset;
        },
      });
    }
  }
  return documents;
}

/** The parts of a text between `---` and `...` lines that hold more than comments. A part keeps the directives before its marker. */
function* chunksOf(text: string): Generator<{ start: number; end: number }> {
  const nextMarker = /\n(?:---|\.\.\.)/g;
  let start = 0;
  let hasContent = false;
  let hasDirective = false;
  for (let line = 0; line < text.length;) {
    const marker = markerAt(text, line);
    if (marker !== undefined) {
      if (hasContent) yield { start, end: line };
      if (hasContent || !hasDirective) start = marker === '...' ? line + 3 : line;
      hasContent = startsContent(text, line + 3);
      hasDirective = false;
    } else if (text[line] === '%') hasDirective = true;
    else hasContent ||= startsContent(text, line);
    // Inside of content nothing but the next marker matters.
    nextMarker.lastIndex = line;
    const next = hasContent ? (nextMarker.exec(text)?.index ?? -1) : text.indexOf('\n', line);
    if (next < 0) break;
    line = next + 1;
  }
  if (hasContent || hasDirective) yield { start, end: text.length };
}

function markerAt(text: string, line: number): string | undefined {
  const first = text.charCodeAt(line);
  if (first !== 0x2d && first !== 0x2e) return undefined; // most lines end here
  const marker = text.slice(line, line + 3);
  return (marker === '---' || marker === '...') && /^\s?$/.test(text.charAt(line + 3)) ? marker : undefined;
}

/** Whether the rest of a line is more than white space and a comment. */
function startsContent(text: string, position: number): boolean {
  for (; position < text.length; position++) {
    const char = text.charAt(position);
    if (char === '\n' || char === '#') return false;
    if (char !== ' ' && char !== '\t' && char !== '\r' && char !== '\ufeff') return true;
  }
  return false;
}

function parse(source: string, report: Report): Event[] | undefined {
  const lines = firstOver(source, maxLines);
  if (lines !== undefined) {
    report(lines, `there are more than ${maxLines} lines in this document`);
    return undefined;
  }
  try {
    return parseEvents(source, { maxDepth: workLimit() as unknown as number });
  } catch (error) {
    if (error instanceof OverLimit) report(0, error.message);
    else if (error instanceof YAMLException) report(error.mark?.position ?? 0, withoutQuotes(error.reason));
    else throw error;
    return undefined;
  }
}

/** The offset of the first line after so many; undefined when there are not so many. */
function firstOver(source: string, lines: number): number | undefined {
  if (source.length <= lines) return undefined;
  let newline = -1;
  for (let count = 0; count < lines; count++) {
    newline = source.indexOf('\n', newline + 1);
    if (newline < 0) return undefined;
  }
  return newline + 1;
}

/** The document asks for more work than a manifest ever does. */
class OverLimit extends Error {}

/**
 * js-yaml compares its depth with `maxDepth` at every node and has no limit of their number, so a few megabytes of `a,`
 * would become hundreds of megabytes of events before anybody could count them. This is a depth that counts how often it
 * is asked. It is turned into a string only for the message that says that the depth was exceeded.
 */
function workLimit(): object {
  let nodes = 0;
  return {
    [Symbol.toPrimitive](hint: string): number {
      if (hint === 'string') throw new OverLimit(`nested more than ${maxDepth} levels deep`);
      if (++nodes > maxNodes) throw new OverLimit(`there are more than ${maxNodes} values in this document`);
      return maxDepth + 2; // the parser counts a scalar as a level; lists and mappings are counted exactly afterwards
    },
  };
}

/** The parser quotes what it stumbled over, which can be the beginning of a secret value; only what it says itself is passed on. */
function withoutQuotes(reason: string): string {
  return reason.replace(/(?:: | ").*$/s, '');
}
