import { expect, test } from '@jest/globals';
import type { GitOpsSource } from '../../operator/api/types.ts';
import { anonymous } from '../../operator/source/credentials.ts';
import { tellMove } from '../../operator/reconcile/followed.ts';

const url = 'https://me:secret@git.example.com/acme/old.git';
const source = { metadata: { namespace: 'shop', name: 'shop', generation: 1 }, spec: { url } } as GitOpsSource;

test('a repository that answers from another URL is told once for each', () => {
  const told: string[] = [];
  const entry = { followed: undefined, toldMovedTo: undefined, link: { credentials: anonymous } };
  const walked = (movedTo: string | undefined): void => {
    const remotes = { movedTo: () => movedTo } as never;
    const teller = { refMoved: (_: GitOpsSource, reason: string, sentence: string) => void told.push(`${reason}: ${sentence}`) };
    tellMove(
      { env: { remotes }, teller },
      entry,
      source,
      { commit: 'a'.repeat(40), fullRef: undefined, shortRef: undefined },
      new AbortController().signal,
    );
  };
  for (const at of [
    undefined,
    'https://git.example.com/acme/new.git',
    'https://git.example.com/acme/new.git',
    'https://other.example.com/x.git',
  ])
    walked(at);
  expect(told).toHaveLength(2);
  expect(told[0]).toBe(
    'RepositoryMoved: https://git.example.com/acme/old.git is redirected to https://git.example.com/acme/new.git, and is read there: it was renamed or moved. Write that URL into spec.url, before the redirect ends or leads elsewhere.',
  );
  expect(told.join()).not.toContain('secret');
});
