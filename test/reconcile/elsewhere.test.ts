import { describe, expect, test } from '@jest/globals';
import type { GitOpsSource } from '../../operator/api/types.ts';
import { PlumblineError } from '../../operator/errors.ts';
import type { Reason } from '../../operator/errors.ts';
import { objectKey } from '../../operator/kube/types.ts';
import { handedTo, isSibling, statedElsewhere } from '../../operator/reconcile/elsewhere.ts';
import type { Stating } from '../../operator/reconcile/elsewhere.ts';
import type { Walk } from '../../operator/reconcile/types.ts';
import type { RefSpec, SnapshotFile } from '../../operator/source/types.ts';
import { member, ours } from '../plan/made.ts';

const commit = 'a'.repeat(40);
const seen = { commit, fullRef: 'refs/heads/main', shortRef: 'main' };

function source(name: string, ref?: RefSpec, status: object = {}, url = 'https://git.example.com/acme/shop'): GitOpsSource {
  return { metadata: { namespace: 'shop', name }, spec: { url, ref, path: name, prune: true }, status } as unknown as GitOpsSource;
}

describe('another source is of the same commit', () => {
  const main = { branch: 'main' };
  const at = (observed: string, ref = 'main') => ({ revision: { observed: { commit: observed } }, history: [{ ref }] });
  test.each<[string, GitOpsSource, GitOpsSource, boolean]>([
    ['with the same words', source('a', main), source('b', main), true],
    ['where HEAD is the branch', source('a'), source('b', main), true],
    ['where its HEAD was the branch', source('a', main), source('b', undefined, at('b'.repeat(40))), true],
    ['where it was seen there', source('a', main), source('b', { semver: '1.x' }, at(commit)), true],
    ['where it is fixed to it', source('a', main), source('b', { commit }), true],
    ['by the full name of the ref', source('a', main), source('b', { name: 'refs/heads/main' }), true],
    ['with .git at the end', source('a'), source('b', main, {}, 'https://git.example.com/acme/shop.git'), true],
    ['not on another branch', source('a', main), source('b', { branch: 'next' }), false],
    ['not where its HEAD is another branch', source('a', main), source('b', undefined, at('b'.repeat(40), 'next')), false],
    ['not in another repository', source('a', main), source('b', main, {}, 'https://git.example.com/acme/web'), false],
  ])('%s', (_name, self, other, same) => expect(isSibling(self, seen, other)).toBe(same));
});

describe('what leaves stays for another source', () => {
  const web = member({ name: 'web' });
  const file = (text: string) => ({ path: 'b/x.yaml', oid: '', content: Buffer.from(text) }) satisfies SnapshotFile;
  test.each<[string, Stating, boolean]>([
    ['that states it', { keys: new Set([objectKey(web.id)]) }, true],
    ['not where it is rendered and does not state it', { keys: new Set() }, false],
    ['whose files name it and cannot be rendered', { reason: 'RenderFailed', files: [file('name: web')] }, true],
    ['not where no file names it', { reason: 'RenderFailed', files: [file('name: shop')] }, false],
    ['whose files cannot be looked for', { reason: 'InvalidSpec', files: undefined }, true],
  ])('%s', (_name, stating, stays) => expect(handedTo(stating, [web]).length > 0).toBe(stays));
});

describe('where the files of another source cannot be had', () => {
  const failing = (reason: Reason): Promise<unknown> => {
    const sources = [source('a'), source('b')];
    const env = {
      inventory: { membersOf: () => [member()] },
      sources: () => sources,
      remotes: { checkout: () => Promise.reject(new PlumblineError({ reason, message: 'no answer' })) },
    };
    const self = { env, source: sources[0], key: 'shop/a', applySet: ours, seen: { ref: seen } } as unknown as Walk;
    return statedElsewhere(self, [], () => undefined);
  };
  const key = objectKey(member().id);

  test('the walk fails and is tried again: nothing is pruned', async () => {
    await expect(failing('GitUnreachable')).rejects.toMatchObject({
      reason: 'GitUnreachable',
      message: expect.stringContaining('what GitOpsSource shop/b states'),
    });
  });

  test('by a fault of its spec, all of it stays and that is told', async () => {
    const notices = [{ object: 'ConfigMap shop/a', message: expect.stringContaining('waits for GitOpsSource shop/b') }];
    expect(await failing('InvalidSpec')).toMatchObject({ handed: new Set([key]), notices });
  });

  test('since its folder is not in the commit, it states nothing', async () => {
    expect(await failing('PathNotFound')).toMatchObject({ handed: new Set(), notices: [] });
  });
});
