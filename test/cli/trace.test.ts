import { describe, expect, test } from '@jest/globals';
import type { Attempt } from '../../operator/api/types.ts';
import { kindNamed } from '../../operator/cli/kinds.ts';
import { traceOf, traceText } from '../../operator/cli/trace.ts';
import type { LiveObject } from '../../operator/live/types.ts';
import { at, sha } from '../report/outcomes.ts';
import { attempt, record, source, trail } from './made.ts';

function member(commit: string, more: Readonly<Record<string, string>> = {}): LiveObject {
  const resource = { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true, verbs: [] };
  const annotations = { 'plumbline.dev/commit': commit, 'plumbline.dev/origin': 'prod/web.yaml:14', ...more };
  return { id: { ...resource, namespace: 'shop', name: 'web' }, annotations } as unknown as LiveObject;
}

const objects = ['Pod shop/web-1', 'Deployment shop/web'];
const revision = { applied: { commit: sha('bbb'), time: at(11) }, healthy: { commit: sha('bbb'), time: at(12) } };
const drift = [
  { object: 'Deployment shop/web', class: 'modified', field: 'spec.replicas', manager: 'kubectl-edit', since: at(15) },
  { object: 'Deployment shop/other', class: 'missing' },
] as const;
const living = source([], { revision, drift });
const records = [
  record(attempt(1, 'aaa', 0)),
  record(attempt(2, 'bbb', 10, { commits: [{ commit: sha('abc'), author: 'Grace', subject: 'Within' }] })),
];

describe('an object is traced to its commit', () => {
  test('of a revision, with who wrote it, when it came and who touched it since', () => {
    const trace = traceOf(member(sha('aaa')), objects, living, trail(living, ...records));
    expect(traceText(trace, 'UTC')).toBe(`object:      Pod shop/web-1 ← Deployment shop/web
source:      shop/shop  https://git.example.com/shop.git
file:        prod/web.yaml:14
commit:      ${sha('aaa')}
author:      Ada Lovelace <ada@example.com>
subject:     Change aaa
committed:   2026-11-24 03:00:00 +00:00
revision:    main@aaa0000  number 1, Healthy
observed:    2026-11-24 03:00:00 +00:00
attempted:   2026-11-24 03:00:00 +00:00
applied:     2026-11-24 03:01:00 +00:00
healthy:     2026-11-24 03:02:00 +00:00
runs now:    bbb0000, healthy
touched:     spec.replicas is modified by field manager kubectl-edit since 2026-11-24 03:15:00 +00:00
`);
  });

  test('that came in with another one', () => {
    const trace = traceOf(member(sha('abc'), { 'plumbline.dev/commit-bound': 'at-or-before' }), objects, living, trail(living, ...records));
    expect(trace).toMatchObject({
      author: 'Grace',
      subject: 'Within',
      orBefore: true,
      revision: { commit: sha('bbb'), number: 2, record: 'shop-2-bbb0000' },
    });
    expect(trace.committed).toBeUndefined();
  });

  test('tried again after it was applied: when it was applied last', () => {
    const again = record(attempt(3, 'aaa', 20, { cause: 'Rollback' }));
    const failed = record(attempt(4, 'aaa', 30, { applied: undefined, healthy: undefined }));
    expect(traceOf(member(sha('aaa')), objects, living, trail(living, ...records, again, failed)).revision?.number).toBe(3);
  });

  test('that is older than its source: by the first revision, which names who wrote it', () => {
    const old = { commit: sha('old'), author: 'Grace', subject: 'Before', committed: at(-60) };
    const first = record(attempt(1, 'aaa', 0, { origins: [old] }));
    const trace = traceOf(member(sha('old')), objects, living, trail(living, first, ...records.slice(1)));
    expect(trace).toMatchObject({
      author: 'Grace',
      subject: 'Before',
      committed: at(-60),
      revision: { commit: sha('aaa'), number: 1, times: { applied: at(1), healthy: at(2) } },
    });
    expect(trace.note).toBeUndefined();
    // As long as it stands in the status as well.
    const open = source([attempt(1, 'aaa', 0, { origins: [old] })]);
    expect(traceOf(member(sha('old')), objects, open, trail(open))).toMatchObject({ author: 'Grace', revision: { number: 1 } });
  });

  const cut = { changes: { changed: 30 }, changed: ['ConfigMap shop/a'], moreCommits: 7 };
  const from = { from: sha('000') };
  const rows: readonly (readonly [string, readonly Attempt[], number | undefined, string])[] = [
    ['the last that wrote the object', [attempt(1, 'aaa', 0), attempt(2, 'bbb', 9, from)], 2, 'brought the object in'],
    [
      'the first of the source, where no other can be meant',
      [attempt(1, 'aaa', 0, { changed: [] }), attempt(2, 'bbb', 9, { ...from, ...cut, moreCommits: 0 })],
      1,
      'brought the object in',
    ],
    [
      'none where another one may be meant',
      [attempt(1, 'aaa', 0, { changed: [] }), attempt(2, 'bbb', 9, { ...from, ...cut })],
      undefined,
      'is not listed whole',
    ],
    [
      'none where nobody knows what another one wrote',
      [attempt(1, 'aaa', 0, { changed: [] }), attempt(2, 'bbb', 9, { ...from, changed: [], interrupted: true })],
      undefined,
      'is not listed whole',
    ],
    ['none that was never in', [attempt(1, 'aaa', 0, { applied: undefined, healthy: undefined })], undefined, 'is not listed whole'],
    [
      'none where the first is kept no more',
      [attempt(7, 'bbb', 9, { ...from, changed: [] })],
      undefined,
      'before number 7, the oldest that is kept (spec.historyLimit is 50)',
    ],
    ['none before there is any', [], undefined, 'holds no revision yet'],
  ];
  test.each(rows)('that no revision lists: the revision is %s', (_, attempts, number, note) => {
    const trace = traceOf(member(sha('old')), objects, living, trail(living, ...attempts.map((one) => record(one))));
    expect([trace.revision?.number, trace.note]).toEqual([number, expect.stringContaining(note)]);
  });

  test('whose record is gone, as far as the status knows it', () => {
    const known = source([], { commit: { sha: sha('old'), author: 'Ada', subject: 'Old', time: at(0) } });
    const one = record(attempt(7, 'bbb', 9, { ...from, changed: [] }));
    const trace = traceOf(member(sha('old')), objects, known, trail(known, one));
    expect(trace).toMatchObject({
      author: 'Ada',
      subject: 'Old',
      committed: at(0),
      note: expect.stringContaining('the oldest that is kept'),
    });
    expect(trace.revision).toBeUndefined();
    expect(traceOf(member(sha('old')), objects, known, undefined).note).toMatch(/you may not list .* of namespace shop$/);
  });

  test('or to none', () => {
    expect(traceText({ objects: ['ConfigMap shop/a'] }, 'UTC')).toBe(
      'object:   ConfigMap shop/a\nsource:   none: no GitOpsSource has applied it\n',
    );
  });
});

describe('a kind', () => {
  const deployments = {
    resource: 'deployments',
    singularResource: 'deployment',
    shortNames: ['deploy'],
    responseKind: { kind: 'Deployment' },
    scope: 'Namespaced',
  };
  const events = (group: string) => ({
    metadata: { name: group },
    versions: [{ version: 'v1', resources: [{ resource: 'events', responseKind: { kind: 'Event' }, scope: 'Namespaced' }] }],
  });
  const groups = [
    { items: [events('')] },
    { items: [{ metadata: { name: 'apps' }, versions: [{ version: 'v1', resources: [deployments] }] }, events('events.k8s.io')] },
  ];

  test.each([
    ['Deployment', 'apps'],
    ['deployments', 'apps'],
    ['deployment', 'apps'],
    ['DEPLOY', 'apps'],
    ['deployments.apps', 'apps'],
    ['event', ''],
    ['events.events.k8s.io', 'events.k8s.io'],
  ])('%s is found as kubectl finds it', (typed, group) => {
    expect(kindNamed(groups, typed)?.group).toBe(group);
  });

  test.each(['', 'deployments.extensions', 'widget', '.apps'])('%j is none', (typed) => {
    expect(kindNamed(groups, typed)).toBeUndefined();
  });
});
