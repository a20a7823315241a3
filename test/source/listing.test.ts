import { describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { defaultLimits } from '../../operator/source/limits.ts';
import type { Limits } from '../../operator/source/limits.ts';
import { list, normalisePath } from '../../operator/source/listing.ts';
import type { Listing } from '../../operator/source/listing.ts';
import { Pacer } from '../../operator/source/pacer.ts';
import { objects, treeOf } from './tree.ts';
import type { Leaf } from './tree.ts';

const commit = 'c'.repeat(40);
const { signal } = new AbortController();

/** Lists paths of these files. `large`: what of them is too large to be there. */
function repository(files: Readonly<Record<string, Leaf>>, limits: Partial<Limits> = {}, large: readonly string[] = []) {
  const all = objects();
  const root = treeOf(all, files);
  const sizes = new Map<string, number>();
  for (const path of large) {
    const oid = all.put('blob', Buffer.from(files[path] as string));
    all.delete(oid);
    sizes.set(oid, 200_000_000);
  }
  const reader = { read: (oid: string) => all.get(oid), sizeOf: (oid: string) => sizes.get(oid) };
  return {
    all,
    root,
    list: (path: string, exclude: readonly string[] = []): Promise<Listing> =>
      list({ reader, root, commit, wanted: { path, exclude }, limits: { ...defaultLimits, ...limits }, pacer: new Pacer(), signal }),
  };
}

async function refusal(listing: Promise<Listing>): Promise<PlumblineError> {
  try {
    const { faults } = await listing;
    if (faults.length > 0) return new PlumblineError(faults);
  } catch (error) {
    if (error instanceof PlumblineError) return error;
    throw error;
  }
  throw new Error('it was listed');
}

const shop = repository({
  'prod/web.yaml': 'web',
  'prod/api/deploy.yaml': 'api',
  'prod/api/ci/job.yaml': 'job',
  'prod-eu/web.yaml': 'eu',
  'prod.yaml': 'beside',
  'staging/web.yaml': 'staging',
});

describe('a listing', () => {
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
  ])('of %j without %j', async (path, exclude, files) => {
    const listing = await shop.list(path, exclude);
    expect(listing.files.map((file) => file.path)).toEqual(files);
    expect(listing.path).toBe(normalisePath(path));
    expect(listing.missing.size).toBe(0);
  });

  test('holds the content of each file', async () => {
    const { files } = await shop.list('staging');
    expect(files).toMatchObject([{ path: 'staging/web.yaml', content: Buffer.from('staging') }]);
  });

  test('says what is not there yet, and nothing of what is left out', async () => {
    const partly = repository({ 'a/1.yaml': 'one', 'a/2.yaml': 'two', 'a/skip/3.yaml': 'three', 'a/README': 'r', 'b/4.yaml': 'four' });
    const blobs = [...partly.all].filter(([, { type }]) => type === 'blob');
    for (const [oid] of blobs) partly.all.delete(oid);
    const { missing, files } = await partly.list('a', ['skip']);
    expect(files).toEqual([]);
    expect(new Set([...missing].map((oid) => blobs.find(([known]) => known === oid)?.[1].data.toString()))).toEqual(
      new Set(['one', 'two']),
    );
  });
});

describe('a path that is not there', () => {
  test.each([
    ['nope', 'PathNotFound', 'folder nope is not in commit ccccccc; nearest to it are prod, prod-eu, staging'],
    ['prd', 'PathNotFound', 'folder prd is not in commit ccccccc; nearest to it are prod, '],
    // Moved: there is one of this name elsewhere.
    ['api', 'PathNotFound', 'folder api is not in commit ccccccc; nearest to it are prod/api, '],
    ['prod/api/ci/x', 'PathNotFound', 'nearest to it is prod/api/ci'],
    ['prod/nope', 'PathNotFound', 'nearest to it is prod/api'],
    ['prod/web.yaml', 'PathNotFound', 'prod/web.yaml is a file'],
    ['prod/web.yaml/x', 'PathNotFound', 'prod/web.yaml is a file'],
    ['.github/x', 'PathNotFound', 'hidden'],
    ['../prod', 'InvalidSpec', 'leaves the repository'],
  ])('%s', async (path, reason, words) => {
    const error = await refusal(shop.list(path));
    expect(error.reason).toBe(reason);
    expect(error.message).toContain(words);
  });
});

describe('what is never read', () => {
  const mixed = repository(
    {
      'prod/web.yaml': 'web',
      'prod/link.yaml': { link: '../../secret.yaml' },
      'prod/sub': { module: 'd'.repeat(40) },
      'prod/lfs.yaml': 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n',
      'prod/huge.yaml': 'huge',
      'prod/huge.bin': 'huge too',
      'prod/con\ttrol.yaml': 'control',
      'other/web.yaml': 'other',
    },
    {},
    ['prod/huge.yaml', 'prod/huge.bin'],
  );

  test('is told, all of it, with how to leave it out', async () => {
    const { faults } = await refusal(mixed.list('prod'));
    expect(faults.map(({ reason, place }) => `${reason} ${place?.file}`)).toEqual([
      'RepositoryRefused prod/con\ufffdtrol.yaml',
      'RepositoryTooLarge prod/huge.bin',
      'RepositoryTooLarge prod/huge.yaml',
      'RepositoryRefused prod/lfs.yaml',
      'RepositoryRefused prod/link.yaml',
      'RepositoryRefused prod/sub',
    ]);
    expect(faults[2]?.message).toBe('the file is 190.7 MiB, over the limit of 10 MiB');
    expect(faults[5]?.remedy).toContain('add "sub" to spec.exclude');
  });

  test('harms neither another path nor one that excludes it', async () => {
    expect((await mixed.list('other')).files).toHaveLength(1);
    expect((await mixed.list('prod', ['huge.*', '{lfs,link,con*}.yaml', 'sub'])).files).toHaveLength(1);
  });

  test('a path that leads through a submodule or out of the repository is refused as such', async () => {
    expect((await refusal(mixed.list('prod/sub/x'))).message).toContain('spec.path leads through a submodule');
    expect(await refusal(mixed.list('prod/link.yaml'))).toMatchObject({ reason: 'RepositoryRefused' });
  });

  test('symlinks that multiply are stopped', async () => {
    const files: Record<string, Leaf> = { 'a0/x.yaml': 'x' };
    for (let level = 1; level < 12; level += 1)
      for (let index = 0; index < 10; index += 1) files[`a${level}/${index}`] = { link: `../a${level - 1}` };
    const bomb = repository(files, { files: 1000 });
    expect((await refusal(bomb.list('a11'))).reason).toBe('RepositoryTooLarge');
  });
});

test('limits hold for one path, not for the repository', async () => {
  const small = repository({ 'a/1.yaml': 'xx', 'a/2.yaml': 'xx', 'a/3.yaml': 'xx', 'b/1.yaml': 'xx' }, { files: 2, totalBytes: 5 });
  expect(await refusal(small.list('a'))).toMatchObject({ reason: 'RepositoryTooLarge', message: 'a holds over 2 manifest files' });
  expect((await small.list('b')).files).toHaveLength(1);
  expect((await small.list('a', ['1.yaml'])).files).toHaveLength(2);
  const heavy = repository({ 'a/1.yaml': 'xxx', 'a/2.yaml': 'xxx' }, { totalBytes: 5 });
  expect((await refusal(heavy.list('a'))).message).toBe('the manifest files in a are over 5 bytes together');
});

test('a thousand sources cut their paths out of one commit in little time', async () => {
  const files = Object.fromEntries(Array.from({ length: 4000 }, (_, index) => [`apps/${index % 1000}/${index}.yaml`, 'x']));
  const many = repository(files);
  // Of the processor, whoever else is at work.
  const begun = process.cpuUsage();
  for (let index = 0; index < 1000; index += 1) expect((await many.list(`./apps/${index}`, ['ci/**'])).files).toHaveLength(4);
  expect(process.cpuUsage(begun).user).toBeLessThan(5_000_000);
});
