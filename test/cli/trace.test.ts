import { describe, expect, test } from '@jest/globals';
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

  test('whose record is gone, as far as the status knows it', () => {
    const known = source([], { commit: { sha: sha('old'), author: 'Ada', subject: 'Old', time: at(0) } });
    const trace = traceOf(member(sha('old')), objects, known, trail(known, ...records));
    expect(trace).toMatchObject({
      author: 'Ada',
      subject: 'Old',
      committed: at(0),
      note: expect.stringContaining('older than the 50 that are kept'),
    });
    expect(trace.revision).toBeUndefined();
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
