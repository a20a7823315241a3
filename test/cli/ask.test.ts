import { describe, expect, test } from '@jest/globals';
import { queryOf } from '../../operator/cli/ask.ts';
import type { Asked } from '../../operator/cli/ask.ts';

const now = Date.parse('2026-11-25T14:30:00Z');
const asked = (verb: Asked['verb'], words: readonly string[], more: Partial<Asked> = {}): Asked => ({
  verb,
  words,
  namespace: undefined,
  output: undefined,
  limit: undefined,
  ...more,
});

describe('a question', () => {
  test.each<[Asked, object]>([
    [asked('history', ['shop/web']), { namespace: 'shop', name: 'web', limit: 50, json: false }],
    [
      asked('history', ['web'], { namespace: 'shop', limit: '7', output: 'json' }),
      { namespace: 'shop', name: 'web', limit: 7, json: true },
    ],
    [asked('at', ['2h', 'ago'], { namespace: 'shop' }), { moment: { at: now - 7_200_000 }, namespace: 'shop' }],
    [asked('at', ['2026-11-24', '14:05']), { moment: { text: '2026-11-24 14:05:00 +00:00 (UTC)' } }],
    [asked('trace', ['deployment/web']), { kind: 'deployment', name: 'web' }],
    [asked('trace', ['clusterrole', 'system:x'], { namespace: 'shop' }), { kind: 'clusterrole', name: 'system:x' }],
  ])('%j is understood', (one, expected) => {
    expect(queryOf(one, now, 'UTC')).toMatchObject({ verb: one.verb, ...expected });
  });

  test.each<[Asked, string]>([
    [asked('history', []), 'history takes NAMESPACE/NAME'],
    [asked('history', ['web']), 'history takes NAMESPACE/NAME'],
    [asked('history', ['a/b/c']), 'history takes NAMESPACE/NAME'],
    [asked('history', ['a/b'], { limit: '0' }), 'write a number from 1 to 10000'],
    [asked('history', ['a/b'], { limit: 'many' }), '--limit=many'],
    [asked('history', ['a/b'], { output: 'yaml' }), 'only json is known'],
    [asked('at', []), 'at takes TIME. Write it as 2026-11-24T14:05:00Z, '],
    [asked('at', ['teatime']), 'teatime is no time that is understood. Write it as '],
    [asked('at', ['2026-11-26', '14:05']), '2026-11-26 14:05:00 +00:00 (UTC) is yet to come'],
    [asked('at', ['14:05'], { limit: '5' }), '--limit belongs to history'],
    [asked('trace', ['web']), 'trace takes KIND/NAME'],
    [asked('trace', ['deployment/']), 'trace takes KIND/NAME'],
    [asked('trace', ['deployment/a/b']), 'trace takes KIND/NAME'],
  ])('%j is answered with %j', (one, message) => {
    expect(() => queryOf(one, now, 'UTC')).toThrow(message);
  });
});
