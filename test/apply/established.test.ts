import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { awaitEstablished } from '../../operator/apply/established.ts';
import type { ApplyContext } from '../../operator/apply/types.ts';
import type { Write } from '../../operator/plan/types.ts';
import { useCluster } from '../e2e/cluster.ts';
import { clientOf, crds, credentialsOf } from '../kube/clients.ts';

const cluster = useCluster();
const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
let client: ReturnType<typeof clientOf>;

beforeAll(() => {
  client = clientOf(credentialsOf(cluster().admin));
});
afterAll(() => client.close());

/** Written to the API server; all of them are of kind Widget. */
async function write(plural: string): Promise<Write> {
  const object = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.established.example` },
    spec: {
      group: 'established.example',
      names: { kind: 'Widget', plural },
      scope: 'Namespaced',
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  };
  await cluster().request.ok('POST', path, { body: object });
  const id = { group: crds.group, version: crds.version, kind: crds.kind, namespace: '', name: object.metadata.name };
  const manifest = { id, resource: crds, object, hash: '', place: { file: `${plural}.yaml`, line: 3 } };
  return { verb: 'create', manifest, uid: undefined, adopts: undefined };
}

async function wait(written: readonly Write[], signal = new AbortController().signal): Promise<number> {
  let invalidated = 0;
  const context = { client, signal, discovery: { invalidate: () => (invalidated += 1) } };
  await awaitEstablished(written, context as unknown as ApplyContext, 2_000);
  return invalidated;
}

describe('CRDs that were just written', () => {
  test('are waited for, told when their names belong to another one, and let go of at the signal', async () => {
    const first = await write('widgets');
    const second = await write('gadgets');
    try {
      // Discovery is asked anew once they are served.
      expect(await wait([first])).toBe(1);
      const refused = await wait([first, second]).catch((error: unknown) => error);
      expect(refused).toMatchObject({
        reason: 'NotEstablished',
        faults: [{ place: { file: 'gadgets.yaml', line: 3 }, object: 'CustomResourceDefinition gadgets.established.example' }],
      });
      expect((refused as Error).message).toMatch(/is not served after 2 s \(.*NamesAccepted is False: .*"Widget(List)?" is already in use/);
      const reason = new Error('the lease is lost');
      await expect(wait([second], AbortSignal.abort(reason))).rejects.toBe(reason);
    } finally {
      for (const { manifest } of [first, second]) await cluster().request.ok('DELETE', `${path}/${manifest.id.name}`);
    }
  });
});
