import { describe, expect, test } from '@jest/globals';
import type { Attempt } from '../../../operator/api/types.ts';
import { maxRecordBytes, recordOf, recordText, resultOf } from '../../../operator/report/trail/record.ts';
import { beyondLimit, outlived } from '../../../operator/report/trail/retention.ts';
import type { KeptRecord } from '../../../operator/report/trail/retention.ts';
import { imageChanges } from '../../../operator/report/trail/written.ts';
import { at, sha } from '../outcomes.ts';

const source = { namespace: 'shop', name: 'web', uid: 'uid-1', url: 'https://git.example.com/acme/deployer.git', path: './prod' };
const attempt: Attempt = {
  number: 7,
  commit: sha('4f2a9c1'),
  ref: 'main',
  subject: 'Deploy',
  author: 'Ada',
  committed: at(0),
  generation: 2,
  cause: 'Commit',
  from: sha('aaa'),
  observed: at(1),
  attempted: at(2),
  applied: at(3),
  changes: { created: 25 },
  created: ['ConfigMap shop/a'],
  images: [{ workload: 'Deployment shop/web', container: 'app', before: 'web:1', after: 'web:2' }],
};

describe('a record', () => {
  test('says all that is known, and counts what it does not list', () => {
    expect(recordOf(source, attempt)).toEqual({
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        namespace: 'shop',
        name: 'web-7-4f2a9c1',
        labels: { 'plumbline.dev/source': 'web', 'plumbline.dev/source-uid': 'uid-1' },
        annotations: { 'plumbline.dev/commit': sha('4f2a9c1'), 'plumbline.dev/attempted': at(2) },
      },
      revision: 7,
      data: {
        source: { url: source.url, path: './prod' },
        commit: { sha: sha('4f2a9c1'), ref: 'main', subject: 'Deploy', author: 'Ada', time: at(0) },
        from: sha('aaa'),
        cause: 'Commit',
        generation: 2,
        result: 'Applied',
        times: { observed: at(1), attempted: at(2), applied: at(3) },
        changes: { created: 25, changed: 0, pruned: 0, letGo: 0 },
        created: ['ConfigMap shop/a'],
        changed: [],
        pruned: [],
        letGo: [],
        images: attempt.images,
        failures: [],
        commits: [],
        more: { created: 24 },
      },
    });
  });

  test.each<[string, Partial<Attempt>, string]>([
    ['healthy', { healthy: at(4) }, 'Healthy'],
    ['applied', {}, 'Applied'],
    ['failed', { applied: undefined, failures: [{ time: at(2), reason: 'RenderFailed' }] }, 'Failed'],
    ['failed, then interrupted', { applied: undefined, interrupted: true, failures: [{ time: at(2), reason: 'RenderFailed' }] }, 'Failed'],
    ['interrupted', { applied: undefined, interrupted: true }, 'Interrupted'],
    ['interrupted, then applied', { interrupted: true }, 'Applied'],
  ])('of one that is %s says so', (_, more, result) => {
    expect(resultOf({ ...attempt, ...more })).toBe(result);
  });

  test('is never over 16 KiB: the longest lists are cut and counted, the newest commits stay', () => {
    const names = Array.from({ length: 400 }, (_, index) => `ConfigMap shop/${'ü'.repeat(40)}-${index}`);
    const commits = Array.from({ length: 500 }, (_, index) => ({ commit: sha(`c${index}c`), subject: 'ß'.repeat(200), author: 'Ada' }));
    const record = recordOf(source, { ...attempt, created: names, changed: names, changes: { created: 400, changed: 400 }, commits });
    expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThanOrEqual(maxRecordBytes);
    const { created, commits: listed, changes, more } = record.data;
    expect(changes.created).toBe(400);
    expect(created.length + (more.created ?? 0)).toBe(400);
    expect(listed.length + (more.commits ?? 0)).toBe(500);
    expect([created[0], listed.at(-1)?.commit]).toEqual([names[0], sha('c499c')]);
    expect(created.length).toBeGreaterThan(5);
  });
});

test('a record is sent as the API server writes it: what it escapes is escaped', () => {
  const text = recordText({ author: 'Ada <ada@example.com> & co\u2028' });
  expect(text).toBe(String.raw`{"author":"Ada \u003cada@example.com\u003e \u0026 co\u2028"}`);
  expect(JSON.parse(text)).toEqual({ author: 'Ada <ada@example.com> & co\u2028' });
});

describe('images', () => {
  const web = { workload: 'Deployment shop/web', container: 'app', image: 'web:1' };
  const changed = [{ verb: 'changed', object: web.workload }] as const;
  test.each([
    ['another one', [web], [{ ...web, image: 'web:2' }], changed, [{ before: 'web:1', after: 'web:2' }]],
    ['the same one', [web], [web], changed, []],
    ['a new container', [web], [web, { ...web, container: 'proxy' }], changed, [{ container: 'proxy', after: 'web:1' }]],
    ['one that goes', [web], [], [{ verb: 'pruned', object: web.workload }] as const, [{ before: 'web:1' }]],
    ['one of an object that was not written', [web], [{ ...web, image: 'web:2' }], [], []],
    ['after a restart', undefined, [web], changed, [{ after: 'web:1' }]],
  ])('%s', (_, before, after, objects, expected) => {
    const plainOnes = expected.map((one) => ({ workload: web.workload, container: 'app', ...one }));
    expect(imageChanges(before, after, objects)).toEqual(plainOnes);
  });
});

describe('keeping', () => {
  const record = (name: string, minute: number, sourceUid = 'a'): KeptRecord => ({
    namespace: 'shop',
    name,
    uid: name,
    sourceUid,
    attempted: at(minute),
    commit: name,
    createdAt: Date.parse(at(minute)),
  });

  test('the oldest go beyond the limit', () => {
    const records = [record('3', 3), record('1', 1), record('2', 2)];
    expect(beyondLimit(records, 2).map(({ name }) => name)).toEqual(['1']);
    expect(beyondLimit(records, 3)).toEqual([]);
  });

  test('what a source that is gone left stays as long as its youngest, then all goes', () => {
    const records = [record('1', 0), record('2', 30), record('3', 0, 'living')];
    const goneAt = (minute: number) =>
      outlived(records, (uid) => uid === 'living', 60 * 60_000, Date.parse(at(minute))).map(({ name }) => name);
    expect(goneAt(90)).toEqual([]);
    expect(goneAt(91)).toEqual(['1', '2']);
  });
});
