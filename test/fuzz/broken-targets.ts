/** Parsers that do what none may, by which the harness itself is tested. */
import { PlumblineError } from '../../operator/errors.ts';
import { mustHold } from './target.ts';
import type { Target } from './target.ts';

function broken(name: string, parse: Target['parse']): Target {
  return { name: `broken: ${name}`, words: [], seeds: async () => [Buffer.from('abc')], generate: () => Buffer.from('abc'), parse };
}

export const brokenTargets: readonly Target[] = [
  broken('throws', () => (undefined as unknown as { length: number }).length),
  broken('wrong', () => mustHold(false, 'it')),
  broken('slow', () => {
    const began = process.threadCpuUsage();
    for (let spent = 0; spent < 1_500_000;) {
      const { user, system } = process.threadCpuUsage(began);
      spent = user + system;
    }
  }),
  broken('buffers', () => Buffer.alloc(300 * 1024 * 1024)),
  broken('heap', () => {
    const kept: string[][] = [];
    for (;;) kept.push(Array.from({ length: 1_000 }, (_, index) => `${kept.length} ${index}`));
  }),
  broken('message', () => {
    throw new PlumblineError({ reason: 'GitError', message: 'a\u001b[2J' });
  }),
];
