import { expect, test } from '@jest/globals';
import { Causes } from '../../operator/reconcile/causes.ts';
import { at, entry, made } from '../notify/made.ts';

test('what waits came from the walk during which it was first seen, whenever it is told', () => {
  let walk: string | undefined = 'k3-1';
  const causes = new Causes((key) => (key === 'shop/web' ? walk : undefined));
  const [applied, drifted, late] = [entry('Webhook', 'Applied'), entry('Webhook', 'Drifted', { time: at(1) }), entry('Webhook', 'Failed')];
  const source = made({}, { notify: { pending: [applied] } });
  causes.note(source);
  walk = undefined;
  causes.note(made({}, { notify: { pending: [applied, drifted] } }));
  walk = 'k3-2';
  causes.note(made({}, { notify: { pending: [applied, drifted] } }));
  expect(causes.of(source, applied)).toBe('k3-1');
  expect(causes.of(source, drifted)).toBeUndefined();
  // One that there was no room for never waited.
  expect(causes.of(source, late)).toBe('k3-2');
  const another = { ...source, metadata: { ...source.metadata, uid: 'another' } };
  expect(causes.of(another, applied)).toBe('k3-2');
});

test('of very many that wait the newest are known', () => {
  let walk = 'k3-1';
  const causes = new Causes(() => walk);
  const source = made(
    {},
    { notify: { pending: Array.from({ length: 10_001 }, (_, index) => entry('Webhook', 'Applied', { time: at(index) })) } },
  );
  causes.note(source);
  walk = 'k3-2';
  expect([0, 1].map((index) => causes.of(source, entry('Webhook', 'Applied', { time: at(index) })))).toEqual(['k3-2', 'k3-1']);
});
