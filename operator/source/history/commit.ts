/** A commit object to what is told of it. */
import { parseCommitInfo, parseCommitLinks } from '../objects.ts';
import { parseTrailers } from './trailers.ts';
import type { Commit } from './types.ts';

/** What a graph of commits is made of. */
export interface Links {
  readonly tree: string;
  readonly parents: readonly string[];
  /** Committer time, seconds since the epoch. */
  readonly time: number;
}

/** A message that is longer has no trailers. */
const maxMessage = 64 * 1024;
const maxTrailers = 20;
const maxText = 200;

/** Tree, parents and time alone, which are read of every commit that is passed. Throws GitError where it is no commit. */
export function parseLinks(data: Buffer): Links {
  const end = data.indexOf('\n\n');
  const header = end < 0 ? data : data.subarray(0, end);
  return { ...parseCommitLinks(header), time: secondsOf(headerOf(header, 'committer')) };
}

/** All that is told of a commit. Throws GitError where it is none. */
export function parseCommit(sha: string, raw: Buffer): Commit {
  const data = asUtf8(raw);
  const end = data.indexOf('\n\n');
  const header = end < 0 ? data : data.subarray(0, end);
  const committer = headerOf(header, 'committer');
  const message = end < 0 || data.length - end > maxMessage ? '' : data.toString('utf8', end + 2);
  return {
    ...parseCommitInfo(sha, data),
    authorTime: timeText(secondsOf(headerOf(header, 'author'))),
    committer: cleaned(/^.*?<[^>]*>/.exec(committer)?.[0] ?? committer),
    parents: parseCommitLinks(header).parents,
    trailers: parseTrailers(message)
      .slice(-maxTrailers)
      .map(({ key, value }) => ({ key: cleaned(key), value: cleaned(value) })),
  };
}

/** The first header of this name, before the lines of a signature. */
function headerOf(header: Buffer, name: string): string {
  const at = header.indexOf(`\n${name} `);
  if (at < 0) return '';
  const end = header.indexOf(0x0a, at + 1);
  return header.toString('utf8', at + name.length + 2, end < 0 ? header.length : end);
}

/** `Ada <ada@example.com> 1764099756 +0000`; 0 where the line is broken, as git takes it. */
function secondsOf(person: string): number {
  const seconds = Number(/> (-?\d+)(?: |$)/.exec(person)?.[1] ?? 0);
  return Math.abs(seconds) < 8.64e12 ? seconds : 0;
}

function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** Commits say so when they are not UTF-8 (i18n.commitEncoding); an encoding that nobody knows is read as it is. */
function asUtf8(data: Buffer): Buffer {
  const end = data.indexOf('\n\n');
  const label = headerOf(end < 0 ? data : data.subarray(0, end), 'encoding');
  if (label === '' || /^utf-?8$/i.test(label)) return data;
  try {
    return Buffer.from(new TextDecoder(label).decode(data));
  } catch (error) {
    if (error instanceof RangeError) return data;
    throw error;
  }
}

/** One line, without what moves a cursor or hides. */
function cleaned(text: string): string {
  const clean = text.replace(/\p{C}+/gu, ' ').trim();
  return clean.length > maxText ? `${clean.slice(0, maxText - 1)}…` : clean;
}
