import { describe, expect, test } from '@jest/globals';
import { readiness } from '../../operator/reconcile/readiness.ts';
import type { ReadinessFacts } from '../../operator/reconcile/readiness.ts';

const whole = { tried: true, broken: [] };
const untried = { tried: false, broken: [] };
const brokenWatch = { tried: true, broken: ['Widget shop.example/v1', 'Gadget shop.example/v1'] };
const told = 'broken watch: Widget shop.example/v1\nbroken watch: Gadget shop.example/v1';

describe('what /readyz says (rule 36)', () => {
  const cases: [string, ReadinessFacts, boolean, string][] = [
    [
      'a standby before its first list',
      { synced: false, leads: false, ...whole },
      false,
      'the watch of GitOpsSources has no first list yet',
    ],
    ['a leader before its first list', { synced: false, leads: true, ...whole }, false, 'the watch of GitOpsSources has no first list yet'],
    ['a standby with its first list', { synced: true, leads: false, ...whole }, true, 'ok (standby)'],
    ['a standby, whatever the member watches', { synced: true, leads: false, ...untried }, true, 'ok (standby)'],
    ['a leader whose member watches were not tried', { synced: true, leads: true, ...untried }, false, 'some watches were not tried yet'],
    ['a leader whose member watches were tried', { synced: true, leads: true, ...whole }, true, 'ok (leader)'],
    ['a standby with broken watches', { synced: true, leads: false, ...brokenWatch }, true, `ok (standby)\n${told}`],
    ['a leader with broken watches', { synced: true, leads: true, ...brokenWatch }, true, `ok (leader)\n${told}`],
  ];
  test.each(cases)('%s', (_, facts, ok, text) => {
    expect(readiness(facts)).toEqual({ ok, text });
  });
});
