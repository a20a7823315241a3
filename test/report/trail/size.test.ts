import { describe, expect, test } from '@jest/globals';
import type { Attempt } from '../../../operator/api/types.ts';
import { readCrd, schemaOf } from '../../../crds/schema.ts';
import type { Schema } from '../../../crds/schema.ts';
import { maxAttemptsBytes, withinBytes } from '../../../operator/report/trail/size.ts';
import { attemptsAfter, runningCommit } from '../../../operator/report/trail/attempts.ts';
import { applied, at, noChanges, seen, sha } from '../outcomes.ts';
import { after, first, second, wrote } from './steps.ts';

/** As large as the CRD takes it: every list full, every text as long as may be, of characters of `character`'s size. */
function largest(schema: Schema | undefined, character: string): unknown {
  if (schema?.type === 'array') return Array.from({ length: schema.maxItems ?? 0 }, () => largest(schema.items, character));
  if (schema?.type === 'integer') return 2_147_483_647;
  if (schema?.type === 'boolean') return true;
  if (schema?.type === 'object') {
    const fields = Object.entries(schema.properties ?? {});
    return Object.fromEntries(fields.map(([name, inner]) => [name, largest(inner, character)]));
  }
  if (schema?.format === 'date-time') return at(1);
  return schema?.enum?.[0] ?? character.repeat((schema?.maxLength ?? 0) / character.length);
}
const schema = schemaOf(readCrd()).properties?.['status']?.properties?.['attempts'];
const bytes = (attempts: readonly Attempt[]): number => Buffer.byteLength(JSON.stringify(attempts));
const of = (character: string) => largest(schema, character) as readonly Attempt[];

const small = after(first, second).attempts;
const names = Array.from({ length: 20 }, (_, index) => `ConfigMap shop/${'x'.repeat(240)}-${index}`);
const full = (number: number, more: Partial<Attempt> = {}): Attempt => ({
  ...small[0],
  number,
  commit: sha(`${number}`),
  generation: 1,
  cause: 'Commit',
  attempted: at(number),
  created: names,
  changed: names,
  changes: { created: 50, changed: 20 },
  ...more,
});
const counts = ({ number, created, changed, changes }: Attempt) => [number, created?.length ?? 0, changed?.length ?? 0, changes];

describe('the attempts in a status', () => {
  test('stay as they are while they are small', () => {
    expect(withinBytes(small)).toBe(small);
  });

  test.each(['x', '"', 'ü', '𝄞'])('are far below what etcd takes, whatever the CRD would take (%s)', (character) => {
    const all = of(character);
    expect(bytes(all)).toBeGreaterThan(1_000_000);
    const kept = withinBytes(all);
    expect(bytes(kept)).toBeLessThan(3 * maxAttemptsBytes);
    expect(kept).toHaveLength(6);
    // What is not a list, or is counted, is all there.
    for (const [index, { number, attempted, healthy, passed }] of kept.entries()) {
      expect([number, attempted, healthy]).toEqual([all[index]?.number, at(1), at(1)]);
      expect(passed?.at(-1)).toEqual(all[index]?.passed?.at(-1));
    }
    expect(withinBytes(kept)).toEqual(kept);
  });

  test('are cut down to counts from the oldest up, no more of them than it takes, the newest last', () => {
    const all = [full(4), full(3), full(2), full(1)];
    const whole = { created: 50, changed: 20 };
    expect(withinBytes(all, 40_000).map(counts)).toEqual([
      [4, 20, 20, whole],
      [3, 20, 20, whole],
      [2, 20, 20, whole],
      [1, 0, 0, whole],
    ]);
    expect(withinBytes(all, 12_000).map(counts).slice(1)).toEqual([3, 2, 1].map((number) => [number, 0, 0, whole]));
    expect(withinBytes(all, 12_000)[0]).toBe(all[0]);
    const [top] = withinBytes([full(4)], 8_000);
    expect([top?.created?.length, top?.changed?.length]).toEqual([11, 15]);
    expect(top?.changes).toEqual(whole);
  });

  test('count what they list no more, and still say where the revision stands', () => {
    const commit = (short: string) => ({ commit: sha(short) });
    const lists = {
      commits: [commit('a'), commit('b')],
      moreCommits: 3,
      origins: [commit('c')],
      unrecorded: [commit('d')],
      passed: [commit('e'), commit('f')],
      images: [{ workload: 'Deployment shop/web', container: 'app', after: 'web:1' }],
      failures: [{ time: at(1), reason: 'PruneHeld', message: 'y'.repeat(900) }],
    };
    const [, cut] = withinBytes([full(2), full(1, lists)], 12_000);
    expect(cut).toMatchObject({
      moreCommits: 5,
      moreOrigins: 1,
      moreUnrecorded: 1,
      morePassed: 1,
      moreImages: 1,
      passed: [commit('f')],
      failures: [{ time: at(1), reason: 'PruneHeld', message: expect.stringMatching(/^y{199}…$/) }],
    });
    for (const name of ['commits', 'origins', 'unrecorded', 'images', 'created']) expect(cut).not.toHaveProperty(name);
    expect(runningCommit(cut ?? full(1))).toBe(sha('f'));
  });

  test('are bounded by each outcome', () => {
    const attempts = [full(6), full(5), full(4), full(3), full(2), full(1)].map((one) => ({ ...one, letGo: names, pruned: names }));
    const status = { ...after(first), attempts };
    const outcome = applied(seen('fff'), { changes: { ...noChanges, changed: 1 } });
    const step = { outcome, generation: 1, written: wrote('changed', 'A'), noted: [], isRecorded: () => false, now: at(9) };
    expect(bytes(attempts)).toBeGreaterThan(maxAttemptsBytes);
    const next = attemptsAfter({ ...step, previous: status, next: status }) ?? [];
    expect(next).toHaveLength(6);
    expect(bytes(next)).toBeLessThanOrEqual(maxAttemptsBytes);
    expect(next[0]).toMatchObject({ number: 7, changed: ['A'] });
  });
});
