import { expect, test } from '@jest/globals';
import { useCluster, waitFor } from './cluster.ts';
import { everythingCrd, manifests } from './edits/manifests.ts';
import { type Tally, subjectOf } from './edits/subject.ts';
import { isSoak, seededRandom } from '../soak.ts';

const cluster = useCluster();
const edits = isSoak() ? 10_000 : 300;
/** PLUMBLINE_EDITS_SEED repeats a run that failed. */
const seeds = [1, ...(isSoak() ? [Number(process.env['PLUMBLINE_EDITS_SEED'] ?? Date.now() % 1_000_000)] : [])];

const plurals: Readonly<Record<string, string>> = {
  Ingress: 'ingresses',
  NetworkPolicy: 'networkpolicies',
};

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
    const random = seededRandom(seed);
    const tally: Tally = { edits: 0, refused: 0, verdicts: 0, drifted: 0, asked: 0, disagreements: [] };
    while (tally.edits < edits) {
      const subject = subjects[Math.floor(random() * subjects.length)];
      await subject?.step(random, tally);
    }
    const { refused, verdicts, drifted, asked } = tally;
    const share = asked / verdicts;
    console.info(
      `seed ${seed}: ${edits} edits (${refused} more were refused), ${verdicts} verdicts, ${drifted} of drift, ${(share * 100).toFixed(1)} % by a dry run of the operator's own, ${tally.disagreements.length} disagreements`,
    );
    expect(tally.disagreements.slice(0, 5)).toEqual([]);
    expect(drifted).toBeGreaterThan(edits / 4);
    expect(share).toBeLessThanOrEqual(0.05);
  },
  isSoak() ? 3_600_000 : 240_000,
);
