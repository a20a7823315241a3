import { describe, expect, test } from '@jest/globals';
import { attemptStatus, outcomeStatus, statusPatch } from '../../operator/report/status.ts';
import { useCluster } from '../e2e/cluster.ts';
import { applied, at, failed, gitAway, noChanges, refusedImage, seen } from './outcomes.ts';
import type { GitOpsSource, GitOpsSourceStatus } from '../../operator/api/types.ts';
import type { Fault } from '../../operator/errors.ts';
import type { Outcome, RevisionSeen } from '../../operator/report/types.ts';

const cluster = useCluster();

async function createSource(): Promise<{ readonly namespace: string; readonly path: string }> {
  const namespace = await cluster().namespace('status');
  const path = `/apis/plumbline.dev/v1/namespaces/${namespace}/gitopssources`;
  const body = {
    apiVersion: 'plumbline.dev/v1',
    kind: 'GitOpsSource',
    metadata: { name: 'shop' },
    spec: { url: 'https://git.example.com/acme/deployer.git' },
  };
  await cluster().request.ok('POST', path, { body });
  return { namespace, path: `${path}/shop` };
}

/** Brings the status on the server from `previous` to `next`; what the server has then. */
async function send(path: string, previous: GitOpsSourceStatus | undefined, next: GitOpsSourceStatus): Promise<GitOpsSourceStatus> {
  const patch = statusPatch(previous, next);
  const contentType = 'application/merge-patch+json';
  const source = (await cluster().request.ok('PATCH', `${path}/status`, { body: patch, contentType })) as GitOpsSource;
  return source.status ?? {};
}

function outcomeOf(previous: GitOpsSourceStatus | undefined, outcome: Outcome, minute: number): GitOpsSourceStatus {
  return outcomeStatus({ previous, outcome, generation: 1, requestedAt: `request ${minute}`, now: at(minute) });
}

describe('the API server takes every status as it is', () => {
  const long = '𝄞'.repeat(40_000);
  const longSeen: RevisionSeen = {
    ref: { commit: 'f'.repeat(64), fullRef: long, shortRef: long },
    time: at(9),
    commit: { sha: 'f'.repeat(64), subject: long, author: long, time: at(9) },
  };
  const longFault: Fault = { reason: 'ObjectRefused', place: { file: long, line: 1 }, object: long, message: long, remedy: long };
  const rows: readonly [string, readonly Outcome[]][] = [
    ['applied', [applied(seen('a'), { changes: { ...noChanges, created: 12 } }), applied(seen('b'))]],
    ['failed and mended', [failed(seen('a')), applied(seen('a'))]],
    [
      'failed over a running one',
      [applied(seen('a')), failed(seen('b')), failed(undefined, gitAway, { phase: 'source' }), applied(seen('c'))],
    ],
    [
      'a bare commit',
      [
        applied(seen('a', 0, 'main')),
        applied({ ...seen('b'), ref: { commit: seen('b').ref.commit, fullRef: undefined, shortRef: undefined } }),
      ],
    ],
    ['suspended', [applied(seen('a')), { kind: 'suspended' }]],
    [
      'refused by its spec',
      [failed(undefined, { reason: 'InvalidSpec', message: 'spec.schedule: 6 fields' }, { phase: 'spec' }), applied(seen('a'))],
    ],
    [
      'everything too long',
      [
        failed(
          longSeen,
          Array.from({ length: 30 }, () => longFault),
        ),
        applied(longSeen),
      ],
    ],
    [
      'a long history',
      Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? applied(seen(`a${index}`)) : failed(seen(`b${index}`), refusedImage))),
    ],
  ];
  test.each(rows)('%s', async (_, outcomes) => {
    const { path } = await createSource();
    let stored: GitOpsSourceStatus | undefined;
    for (const [minute, outcome] of outcomes.entries()) {
      if (outcome.kind !== 'suspended' && outcome.seen !== undefined) {
        const noted = attemptStatus(stored, outcome.seen, 1, at(minute));
        if (statusPatch(stored, noted) !== undefined) stored = await send(path, stored, noted);
      }
      const next = outcomeOf(stored, outcome, minute);
      stored = await send(path, stored, next);
      expect(stored).toEqual(JSON.parse(JSON.stringify(next)));
      // What the server has is where the next walk begins: the same outcome again is no write.
      expect(statusPatch(stored, outcomeOf(stored, outcome, minute))).toBeUndefined();
    }
  });
});

test('kubectl get and describe show revision, condition and what to do', async () => {
  const { namespace, path } = await createSource();
  const running = await send(path, undefined, outcomeOf(undefined, applied(seen('4f2a9c1')), 0));
  await send(path, running, outcomeOf(running, failed(seen('bad')), 1));
  const columns = await cluster().kubectl('get', 'gos', '-n', namespace);
  expect(columns).toMatch(/^shop +False +main@4f2a9c1 .*prod\/web\.yaml:14 Deployment shop\/web refused/mu);
  const described = await cluster().kubectl('describe', 'gos', 'shop', '-n', namespace);
  expect(described.replace(/\s+/gu, ' ')).toContain(
    'prod/web.yaml:14 Deployment shop/web refused: spec.template.spec.containers[0].image: Required value. ' +
      'Nothing was changed; main@4f2a9c1 keeps running. Correct the file and push.',
  );
});
