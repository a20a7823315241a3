/**
 * The globs of spec.exclude: `*` and `?` within a name, `**` over folders, `[a-z]`, `{a,b}`, `\` before what is meant as it is.
 * Takes time in the product of the lengths at worst: whoever writes a source cannot hold the operator up with one,
 * as a regular expression made from a glob can.
 */
import { PlumblineError } from '../errors.ts';

type Token = { readonly kind: 'any' } | { readonly kind: 'one'; matches(char: string): boolean };
type Segment = 'folders' | readonly Token[];

const maxAlternatives = 64;

/** Whether a path (from where the globs are written) matches one of them. Throws PlumblineError InvalidSpec. */
export function globMatcher(globs: readonly string[]): (path: string) => boolean {
  const patterns = globs.flatMap((glob) => alternatives(clean(glob), glob).map(parse));
  return (path) => {
    const names = path.split('/');
    return patterns.some((pattern) => matchSegments(pattern, names));
  };
}

function clean(glob: string): string {
  if (glob.startsWith('!')) throw invalid(glob, 'begins with !, which is not known here');
  return glob.replace(/^(\.\/)+|^\/+/, '').replace(/\/+$/, '');
}

/** `a{b,c}` → `ab`, `ac`; braces within braces too. */
function alternatives(glob: string, whole: string): string[] {
  const done: string[] = [];
  const waiting = [glob];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const braces = innermostBraces(next);
    if (braces === undefined) {
      done.push(next);
      continue;
    }
    const { open, close } = braces;
    for (const choice of next.slice(open + 1, close).split(',')) waiting.push(next.slice(0, open) + choice + next.slice(close + 1));
    if (done.length + waiting.length > maxAlternatives) throw invalid(whole, `means over ${maxAlternatives} patterns`);
  }
  return done;
}

function innermostBraces(glob: string): { readonly open: number; readonly close: number } | undefined {
  let open = -1;
  for (let at = 0; at < glob.length; at += 1) {
    const char = glob[at];
    if (char === '\\') at += 1;
    else if (char === '{') open = at;
    else if (char === '}' && open >= 0) return { open, close: at };
  }
  return undefined;
}

function parse(glob: string): Segment[] {
  return glob.split('/').map((name) => (name === '**' ? 'folders' : tokens(name)));
}

function tokens(name: string): Token[] {
  const found: Token[] = [];
  for (let at = 0; at < name.length; at += 1) {
    const char = name[at] as string;
    const close = char === '[' ? name.indexOf(']', at + 2) : -1;
    if (char === '*') {
      if (found.at(-1)?.kind !== 'any') found.push({ kind: 'any' });
    } else if (char === '?') {
      found.push({ kind: 'one', matches: () => true });
    } else if (close > 0) {
      found.push({ kind: 'one', matches: characterClass(name.slice(at + 1, close)) });
      at = close;
    } else {
      if (char === '\\' && at + 1 < name.length) at += 1;
      const exact = name[at];
      found.push({ kind: 'one', matches: (other) => other === exact });
    }
  }
  return found;
}

function characterClass(text: string): (char: string) => boolean {
  const negated = text.startsWith('!') || text.startsWith('^');
  const body = negated ? text.slice(1) : text;
  const ranges: [string, string][] = [];
  for (let at = 0; at < body.length; at += 1) {
    const from = body[at] as string;
    const to = body[at + 1] === '-' ? body[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  return (char) => ranges.some(([from, to]) => char >= from && char <= to) !== negated;
}

/** Going back to the last `**` only is enough: what an earlier one could take, the last one can as well. */
function matchSegments(pattern: readonly Segment[], names: readonly string[]): boolean {
  return matchWith(
    pattern,
    names,
    (segment) => segment === 'folders',
    (segment, name) => segment !== 'folders' && matchName(segment, name),
  );
}

function matchName(pattern: readonly Token[], name: string): boolean {
  return matchWith(
    pattern,
    name.split(''),
    (token) => token.kind === 'any',
    (token, char) => token.kind === 'one' && token.matches(char),
  );
}

function matchWith<P, T>(
  pattern: readonly P[],
  text: readonly T[],
  isAny: (part: P) => boolean,
  fits: (part: P, item: T) => boolean,
): boolean {
  let at = 0;
  let any = -1;
  let anyAt = 0;
  for (let read = 0; read < text.length;) {
    const part = pattern[at];
    if (part !== undefined && isAny(part)) {
      any = at;
      anyAt = read;
      at += 1;
    } else if (part !== undefined && fits(part, text[read] as T)) {
      at += 1;
      read += 1;
    } else if (any >= 0) {
      // The last wildcard takes one more.
      anyAt += 1;
      read = anyAt;
      at = any + 1;
    } else {
      return false;
    }
  }
  while (at < pattern.length && isAny(pattern[at] as P)) at += 1;
  return at === pattern.length;
}

function invalid(glob: string, what: string): PlumblineError {
  return new PlumblineError({ reason: 'InvalidSpec', message: `spec.exclude: ${JSON.stringify(glob.slice(0, 100))} ${what}` });
}
