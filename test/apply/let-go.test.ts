import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { letGoMembers } from '../../operator/apply/prune.ts';
import { noProgress } from '../../operator/apply/types.ts';
import type { ApplyContext } from '../../operator/apply/types.ts';
import { readLiveObject } from '../../operator/live/read.ts';
import type { Member } from '../../operator/live/types.ts';
import { useCluster } from '../e2e/cluster.ts';
import { clientOf, configMap, configMaps, credentialsOf } from '../kube/clients.ts';

const cluster = useCluster();
const applySet = 'applyset-let-go-v1';
const label = 'applyset.kubernetes.io/part-of';
let client: ReturnType<typeof clientOf>;
let namespace: string;

beforeAll(async () => {
  client = clientOf(credentialsOf(cluster().admin));
  namespace = await cluster().namespace();
});
afterAll(() => client.close());

const pathOf = (name: string): string => `/api/v1/namespaces/${namespace}/configmaps/${name}`;
const read = (name: string) => cluster().request.get(pathOf(name));

/** A member as an inventory has it. */
async function create(name: string, labels: Readonly<Record<string, string>> = { [label]: applySet }): Promise<Member> {
  const { metadata, ...rest } = configMap(namespace, name);
  const annotations = { 'plumbline.dev/commit': 'abc', 'plumbline.dev/hash': 'def' };
  const object = await cluster().request.ok('POST', pathOf(''), { body: { ...rest, metadata: { ...metadata, labels, annotations } } });
  return { ...readLiveObject(configMaps, object), drift: undefined };
}

async function letGo(member: Member): Promise<number> {
  const written: unknown[] = [];
  const inventory = { noteWritten: (_: unknown, object: unknown) => void written.push(object) };
  const { signal } = new AbortController();
  const context = { client, inventory, source: 'shop/main', as: undefined, applySet, commit: 'abc', signal };
  const progress = noProgress();
  await letGoMembers([member], context as unknown as ApplyContext, progress);
  expect(written).toHaveLength(progress.letGo);
  return progress.letGo;
}

describe('letting go', () => {
  test('takes our label and annotations off, and nothing else', async () => {
    expect(await letGo(await create('plain', { [label]: applySet, app: 'shop' }))).toBe(1);
    const { metadata } = await read('plain');
    expect([metadata.labels, metadata.annotations]).toEqual([{ app: 'shop' }, undefined]);
  });

  test('goes on when an annotation was taken off meanwhile', async () => {
    const member = await create('fewer');
    await cluster().request.ok('PATCH', pathOf('fewer'), {
      body: { metadata: { annotations: { 'plumbline.dev/hash': null } } },
    });
    expect(await letGo(member)).toBe(1);
    expect((await read('fewer')).metadata.labels).toBeUndefined();
  });

  test('leaves what was made anew, what another one owns by now, and what is gone', async () => {
    const [anew, taken, gone] = [await create('anew'), await create('taken'), await create('gone')];
    for (const name of ['anew', 'gone']) await cluster().request.ok('DELETE', pathOf(name));
    await create('anew');
    await cluster().request.ok('PATCH', pathOf('taken'), {
      body: { metadata: { labels: { [label]: 'applyset-other-v1' } } },
    });
    for (const member of [anew, taken, gone]) expect(await letGo(member)).toBe(0);
    expect((await read('anew')).metadata.labels).toEqual({ [label]: applySet });
    expect((await read('taken')).metadata.labels).toEqual({ [label]: 'applyset-other-v1' });
  });
});
