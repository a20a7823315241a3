import { expect, test } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import { useCluster, waitFor } from './cluster.ts';
import { everythingCrd, manifests } from './edits/manifests.ts';
import { type Tally, subjectOf } from './edits/subject.ts';
import { startWebhook } from './webhook.ts';
import { isSoak, seededRandom } from '../soak.ts';

const cluster = useCluster();
const edits = isSoak() ? 10_000 : 300;
/** PLUMBLINE_EDITS_SEED repeats a run that failed. */
const seeds = [1, ...(isSoak() ? [Number(process.env['PLUMBLINE_EDITS_SEED'] ?? Date.now() % 1_000_000)] : [])];

const plurals: Readonly<Record<string, string>> = {
  Ingress: 'ingresses',
  NetworkPolicy: 'networkpolicies',
};

const workloads = { apiGroups: ['apps'], resources: ['deployments', 'statefulsets'] };

/** Admission as people have it: images of Deployments come from a mirror, StatefulSets get a sidecar. */
function rewritten({ object }: { readonly object: Json }): { readonly patch: readonly object[] } {
  const containers: Json[] = object?.spec?.template?.spec?.containers ?? [];
  const path = '/spec/template/spec/containers';
  if (object?.kind === 'StatefulSet') {
    const value = { name: 'proxy', image: 'proxy:1', terminationMessagePath: '/dev/termination-log' };
    return { patch: containers.some(({ name }) => name === 'proxy') ? [] : [{ op: 'add', path: `${path}/-`, value }] };
  }
  const patch = containers.flatMap(({ image }, index) =>
    image === undefined || image.startsWith('mirror/') ? [] : [{ op: 'replace', path: `${path}/${index}/image`, value: `mirror/${image}` }],
  );
  return { patch };
}

test.each(seeds)(
  `verdicts agree with dry runs after ${edits} random edits, seed %i`,
  async (seed) => {
    const { request, namespace } = cluster();
    const home = await namespace('edits');
    const group = `edits${seed}.example.com`;
    await request.ok('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: everythingCrd(group) });
    await waitFor('the CRD is served', async () => {
      const answers = await Promise.all(['v1', 'v2'].map((version) => request.raw('GET', `/apis/${group}/${version}/everythings`)));
      return answers.every(({ status }) => status === 200);
    });
    const subjects = await Promise.all(
      manifests(group).map((one) => subjectOf(request, home, one, plurals[one.kind] ?? `${one.kind.toLowerCase()}s`)),
    );
    const webhook = await startWebhook(cluster(), { namespace: home, name: 'mirror', mutating: true, rule: workloads, decide: rewritten });
    const random = seededRandom(seed);
    const tally: Tally = { edits: 0, refused: 0, verdicts: 0, drifted: 0, asked: 0, disagreements: [] };
    while (tally.edits < edits) {
      const subject = subjects[Math.floor(random() * subjects.length)];
      await subject?.step(random, tally);
    }
    const changed = webhook.reviews.filter(({ object }) => rewritten({ object }).patch.length > 0).length;
    await webhook.remove();
    // They ail, and belong to no source: an operator of the next test would look into their pods.
    for (const kind of ['deployments', 'statefulsets', 'daemonsets'])
      await request.ok('DELETE', `/apis/apps/v1/namespaces/${home}/${kind}`);
    const { refused, verdicts, drifted, asked } = tally;
    const share = asked / verdicts;
    console.info(
      `seed ${seed}: ${edits} edits (${refused} more were refused), ${verdicts} verdicts, ${drifted} of drift, ${(share * 100).toFixed(1)} % by a dry run of the operator's own, ${tally.disagreements.length} disagreements`,
    );
    expect(tally.disagreements.slice(0, 5)).toEqual([]);
    // Each correction states the image and the containers as git has them.
    expect(changed).toBeGreaterThan(edits / 50);
    expect(drifted).toBeGreaterThan(edits / 4);
    expect(share).toBeLessThanOrEqual(0.05);
  },
  isSoak() ? 3_600_000 : 240_000,
);
