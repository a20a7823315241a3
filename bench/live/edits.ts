/** Edits by hand over sources at rest: how long until each is put back, by the audit log. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Requester } from '../../test/controlplane/request.ts';
import { NotYet, waitFor } from '../../test/controlplane/wait-for.ts';
import { seededRandom } from '../../test/soak.ts';
import { appNames, namespace } from '../fleet.ts';
import type { Plane } from '../plane.ts';
import { correctionsOf, editAgent } from './latency.ts';

/** One edit every so many milliseconds. */
const paceMs = 100;

interface Edit {
  readonly path: string;
  readonly body: object;
}

const edits: readonly ((name: string) => Edit)[] = [
  (name) => ({
    path: `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`,
    body: { spec: { template: { spec: { containers: [{ name: 'web', image: 'registry.example.com/shop/hotfix:1' }] } } } },
  }),
  (name) => ({
    path: `/api/v1/namespaces/${namespace}/services/${name}`,
    body: { spec: { selector: { 'app.kubernetes.io/name': 'else' } } },
  }),
  (name) => ({
    path: `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses/${name}`,
    body: { metadata: { labels: { 'app.kubernetes.io/name': 'else' } } },
  }),
];

/** Edits one object of each of `count` applications, and gives the milliseconds until each was put back. */
export async function measureEdits(plane: Plane, sources: number, count: number): Promise<readonly number[]> {
  const { audit, control } = plane;
  const known = (await audit.events()).length;
  const names = shuffled(appNames(sources)).slice(0, count);
  for (const [index, name] of names.entries()) {
    const edit = edits[index % edits.length]?.(name);
    if (edit !== undefined) await make(control.request, edit);
    await sleep(paceMs);
  }
  return await waitFor(
    'every edit is put back',
    async () => {
      const took = correctionsOf((await audit.events()).slice(known));
      if (took.length !== names.length) throw new NotYet(`${took.length} of ${names.length} are`);
      const late = took.filter((one) => one === undefined).length;
      if (late > 0) throw new NotYet(`${late} of ${names.length} are not`);
      return took.filter((one) => one !== undefined);
    },
    60_000,
  );
}

async function make(request: Requester, { path, body }: Edit): Promise<void> {
  await request.ok('PATCH', `${path}?fieldManager=kubectl-edit`, {
    body,
    contentType: 'application/strategic-merge-patch+json',
    headers: { 'user-agent': editAgent },
  });
}

function shuffled(names: readonly string[]): readonly string[] {
  const random = seededRandom(1);
  const drawn = names.map((name) => ({ name, ticket: random() }));
  return drawn.toSorted((a, b) => a.ticket - b.ticket).map(({ name }) => name);
}
