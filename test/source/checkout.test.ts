import { describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { makeCheckout, normalisePath } from '../../operator/source/checkout.ts';
import { defaultLimits } from '../../operator/source/limits.ts';
import type { ListedFile } from '../../operator/source/listing.ts';
import type { Checkout } from '../../operator/source/types.ts';

const commit = { sha: 'c'.repeat(40), subject: 'First', author: 'Ada <ada@example.com>', time: '2026-01-01T00:00:00Z' };

const signed = { commit: Buffer.from('commit'), tag: undefined };

/** `path: content`, or a kind that is refused. */
function checkout(files: Readonly<Record<string, string | Pick<ListedFile, 'kind' | 'note'>>>, limits = {}): Checkout {
  const contents = new Map<string, Buffer>();
  const listed: ListedFile[] = [];
  const folders = new Set(['']);
  for (const [path, what] of Object.entries(files)) {
    const steps = path.split('/');
    for (let depth = 1; depth < steps.length; depth += 1) folders.add(steps.slice(0, depth).join('/'));
    const oid = `oid of ${path}`;
    if (typeof what === 'string') contents.set(oid, Buffer.from(what));
    listed.push(typeof what === 'string' ? { path, oid, kind: 'manifest' } : { path, oid, ...what });
  }
  const listing = { commit, signed, folders: [...folders].map((path) => [path, `tree of ${path}`] as const), files: listed };
  return makeCheckout(listing, contents, { ...defaultLimits, ...limits });
}

function refusal(cut: () => unknown): PlumblineError {
  try {
    cut();
  } catch (error) {
    if (error instanceof PlumblineError) return error;
    throw error;
  }
  throw new Error('it was cut');
}

const shop = checkout({
  'prod/web.yaml': 'web',
  'prod/api/deploy.yaml': 'api',
  'prod/api/ci/job.yaml': 'job',
  'prod-eu/web.yaml': 'eu',
  'prod.yaml': 'beside',
  'staging/web.yaml': 'staging',
});

describe('a snapshot', () => {
  test.each<[string, string[], string[]]>([
    ['prod', [], ['prod/api/ci/job.yaml', 'prod/api/deploy.yaml', 'prod/web.yaml']],
    ['./prod/', [], ['prod/api/ci/job.yaml', 'prod/api/deploy.yaml', 'prod/web.yaml']],
    ['prod/api', [], ['prod/api/ci/job.yaml', 'prod/api/deploy.yaml']],
    ['prod', ['api/**'], ['prod/web.yaml']],
    ['prod', ['api'], ['prod/web.yaml']],
    ['prod', ['./api/'], ['prod/web.yaml']],
    ['prod', ['**/ci'], ['prod/api/deploy.yaml', 'prod/web.yaml']],
    ['prod', ['*.yaml'], ['prod/api/ci/job.yaml', 'prod/api/deploy.yaml']],
    ['prod', ['**/*.yaml'], []],
    ['prod', ['{web,job}.yaml', '**/job.yaml'], ['prod/api/deploy.yaml']],
    ['', ['prod*/**', 'prod.yaml'], ['staging/web.yaml']],
    ['.', ['staging'], ['prod-eu/web.yaml', 'prod.yaml', 'prod/api/ci/job.yaml', 'prod/api/deploy.yaml', 'prod/web.yaml']],
  ])('of %j without %j', (path, exclude, files) => {
    const snapshot = shop.snapshot(path, exclude);
    expect(snapshot.files.map((file) => file.path)).toEqual(files);
    expect(snapshot.path).toBe(normalisePath(path));
    expect(snapshot.tree).toBe(`tree of ${normalisePath(path)}`);
    expect(snapshot.commit).toBe(commit);
  });

  test('holds the content of each file', () => {
    expect(shop.snapshot('staging', []).files).toEqual([
      { path: 'staging/web.yaml', oid: 'oid of staging/web.yaml', content: Buffer.from('staging') },
    ]);
  });
});

describe('a path that is not there', () => {
  test.each([
    ['nope', 'PathNotFound', 'folder nope is not in commit ccccccc; the repository holds prod, prod-eu, staging'],
    ['prod/nope', 'PathNotFound', 'prod holds prod/api'],
    ['prod/web.yaml', 'PathNotFound', 'prod/web.yaml is a file'],
    ['prod/web.yaml/x', 'PathNotFound', 'prod/web.yaml is a file'],
    ['.github/x', 'PathNotFound', 'hidden'],
    ['../prod', 'InvalidSpec', 'leaves the repository'],
  ])('%s', (path, reason, words) => {
    const error = refusal(() => shop.snapshot(path, []));
    expect(error.reason).toBe(reason);
    expect(error.message).toContain(words);
  });
});

describe('what is never read', () => {
  const mixed = checkout({
    'prod/web.yaml': 'web',
    'prod/link.yaml': { kind: 'link', note: '../secret.yaml' },
    'prod/sub': { kind: 'module' },
    'prod/lfs.yaml': { kind: 'lfs' },
    'prod/big.bin': { kind: 'large', note: '190.7 MiB' },
    'prod/huge.yaml': { kind: 'large' },
    'other/web.yaml': 'other',
  });

  test('is told, all of it, with how to leave it out', () => {
    const { faults } = refusal(() => mixed.snapshot('prod', []));
    expect(faults.map(({ reason, place }) => `${reason} ${place?.file}`)).toEqual([
      'RepositoryTooLarge prod/big.bin',
      'RepositoryTooLarge prod/huge.yaml',
      'RepositoryRefused prod/lfs.yaml',
      'RepositoryRefused prod/link.yaml',
      'RepositoryRefused prod/sub',
    ]);
    expect(faults[0]?.message).toBe('the file is 190.7 MiB, over the limit of 10 MiB');
    expect(faults[4]?.remedy).toContain('add "sub" to spec.exclude');
  });

  test('harms neither another path nor one that excludes it', () => {
    expect(mixed.snapshot('other', []).files).toHaveLength(1);
    expect(mixed.snapshot('prod', ['big.bin', '{huge,lfs,link}.yaml', 'sub']).files).toHaveLength(1);
  });

  test('a path that leads through a symlink or a submodule is refused as such', () => {
    expect(refusal(() => mixed.snapshot('prod/sub/x', [])).message).toContain('spec.path leads through a submodule');
    expect(refusal(() => mixed.snapshot('prod/link.yaml', [])).reason).toBe('RepositoryRefused');
  });
});

test('limits hold for one path, not for the repository', () => {
  const small = checkout({ 'a/1.yaml': 'xx', 'a/2.yaml': 'xx', 'a/3.yaml': 'xx', 'b/1.yaml': 'xx' }, { files: 2, totalBytes: 5 });
  expect(refusal(() => small.snapshot('a', [])).reason).toBe('RepositoryTooLarge');
  expect(small.snapshot('b', []).files).toHaveLength(1);
  expect(small.snapshot('a', ['1.yaml']).files).toHaveLength(2);
});

test('a thousand sources cut their paths out of one commit in well under a second', () => {
  const files = Object.fromEntries(Array.from({ length: 4000 }, (_, index) => [`apps/${index % 1000}/${index}.yaml`, 'x']));
  const many = checkout(files);
  const begun = performance.now();
  for (let index = 0; index < 1000; index += 1) expect(many.snapshot(`./apps/${index}`, ['ci/**']).files).toHaveLength(4);
  expect(performance.now() - begun).toBeLessThan(1000);
});
