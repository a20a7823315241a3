import { expect, test } from '@jest/globals';
import type { GitOpsSource } from '../../operator/api/types.ts';
import { PlumblineError } from '../../operator/errors.ts';
import { createLogger } from '../../operator/log.ts';
import { SourceLog } from '../../operator/reconcile/source-log.ts';

test('a line about a source says which one, which commit, and during a walk which walk', () => {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Readonly<Record<string, unknown>>);
  const source = { status: { revision: { applied: { commit: 'aaa' } } } } as unknown as GitOpsSource;
  const log = createLogger({ level: 'debug', write, now: () => 0 });
  const sources = new SourceLog({ log, source: (key) => (key === 'shop/web' ? source : undefined), prefix: 'k3f9' });
  const about = (): unknown => {
    const { namespace, source: name, commit, walk } = lines.at(-1) ?? {};
    return [namespace, name, commit, walk];
  };

  sources.of('shop/web').info('drift');
  expect(about()).toEqual(['shop', 'web', 'aaa', undefined]);
  sources.begin('shop/web');
  sources.of('shop/web').debug('walking');
  expect(about()).toEqual(['shop', 'web', 'aaa', 'k3f9-1']);
  sources.saw('shop/web', 'bbb');
  sources.begin('shop/other');
  sources.of('shop/web').warn('the outcome cannot be told', { error: new PlumblineError({ reason: 'GitError', message: 'no' }) });
  expect(about()).toEqual(['shop', 'web', 'bbb', 'k3f9-1']);
  expect(lines.at(-1)).toMatchObject({ level: 'warn', reason: 'GitError', error: 'no' });
  sources.of('shop/other').info('revision failed', { commit: undefined });
  expect(about()).toEqual(['shop', 'other', undefined, 'k3f9-2']);
  sources.of('shop/web').info('revision failed', { commit: undefined });
  expect(about()).toEqual(['shop', 'web', undefined, 'k3f9-1']);
  sources.end('shop/web');
  sources.saw('shop/web', 'ccc'); // of a walk that is over
  sources.of('shop/web').error('drift');
  expect(about()).toEqual(['shop', 'web', 'aaa', undefined]);
  sources.begin('shop/web');
  sources.of('shop/web').info('again');
  expect(about()).toEqual(['shop', 'web', 'aaa', 'k3f9-3']);
});
