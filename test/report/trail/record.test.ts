import { describe, expect, test } from '@jest/globals';
import type { Attempt } from '../../../operator/api/types.ts';
import { maxRecordBytes, recordOf, recordText, resultOf } from '../../../operator/report/trail/record.ts';
import { beyondLimit, outlived, unended } from '../../../operator/report/trail/retention.ts';
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

test('the commits that its objects carry are listed, the newest of them where there is no room', () => {
  const origins = Array.from({ length: 50 }, (_, index) => ({ commit: sha(`c${index}c`), subject: 'ß'.repeat(200), committed: at(1) }));
  const { data } = recordOf(source, { ...attempt, origins, moreOrigins: 7 });
  expect((data.origins?.length ?? 0) + (data.more.origins ?? 0)).toBe(57);
  expect(data.origins?.at(-1)).toEqual(origins[49]);
  expect(Buffer.byteLength(recordText(recordOf(source, { ...attempt, origins })))).toBeLessThanOrEqual(maxRecordBytes);
});

test('attempts before it that have no record are listed, the newest of them where there is no room', () => {
  const unrecorded = Array.from({ length: 300 }, (_, index) => ({ commit: sha(`c${index}c`), subject: 'ß'.repeat(200), time: at(1) }));
  const record = recordOf(source, { ...attempt, unrecorded, moreUnrecorded: 7 });
  expect(Buffer.byteLength(recordText(record))).toBeLessThanOrEqual(maxRecordBytes);
  const { unrecorded: listed = [], more } = record.data;
  expect(listed.length + (more.unrecorded ?? 0)).toBe(307);
  expect(listed.at(-1)?.commit).toBe(sha('c299c'));
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
  const record = (name: string, minute: number, sourceUid = 'a', ended?: number): KeptRecord => ({
    namespace: 'shop',
    name,
    uid: name,
    sourceUid,
    attempted: at(minute),
    commit: name,
    createdAt: Date.parse(at(minute)),
    endedAt: ended === undefined ? undefined : Date.parse(at(ended)),
  });
  const isLiving = (uid: string): boolean => uid === 'living';
  const goneAt = (minute: number, records: readonly KeptRecord[]) =>
    outlived(records, isLiving, 60 * 60_000, Date.parse(at(minute))).map(({ name }) => name);

  test('the oldest go beyond the limit', () => {
    const records = [record('3', 3), record('1', 1), record('2', 2)];
    expect(beyondLimit(records, 2).map(({ name }) => name)).toEqual(['1']);
    expect(beyondLimit(records, 3)).toEqual([]);
  });

  test('what a source left stays for its time from its end on, however old it is then', () => {
    const records = [record('1', 0), record('2', 30, 'a', 500), record('3', 0, 'living', 0)];
    expect(goneAt(560, records)).toEqual([]);
    expect(goneAt(561, records)).toEqual(['1', '2']);
  });

  test('the one that says when the source ended goes last, so that a crash between leaves it', () => {
    expect(goneAt(561, [record('2', 30, 'a', 500), record('1', 0)])).toEqual(['1', '2']);
  });

  test('a source of the same name that came later has an end of its own', () => {
    const records = [record('1', 0, 'a', 10), record('2', 20, 'b', 500)];
    expect(goneAt(100, records)).toEqual(['1']);
    expect(goneAt(561, [record('1', 0, 'a', 10), record('2', 20, 'living')])).toEqual(['1']);
  });

  test('of a source whose end nobody saw nothing goes, and its last record is to say so', () => {
    const records = [record('1', 0), record('2', 30), record('3', 0, 'living'), record('4', 0, 'b', 10)];
    expect(goneAt(50_000, records)).toEqual(['4']);
    expect(unended(records, isLiving).map(({ name }) => name)).toEqual(['2']);
  });
});
