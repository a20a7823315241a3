/** A hint is about a repository: whoever follows it is asked for, each with credentials of their own. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import { Remotes } from '../../operator/source/remotes.ts';
import type { Credentials, Observation, SubscribeOptions } from '../../operator/source/types.ts';
import { waitFor } from '../controlplane/wait-for.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitRepo, GitServer } from '../gitserver/index.ts';

const ada: Credentials = { id: 'ada', username: 'ada', password: 'of-her-own' };
let open: GitServer;
let closed: GitServer;
let remotes: Remotes;

beforeAll(async () => {
  open = await startGitServer();
  closed = await startGitServer({ auth: { username: 'ada', password: 'of-her-own' } });
});
afterAll(() => Promise.all([open.close(), closed.close()]));
beforeEach(() => {
  remotes = new Remotes({ client: createGitClient() });
});
afterEach(() => remotes.close());

/** Whoever follows main of `url`, and has heard of it once. It is not asked again by itself. */
async function follower(url: string, options: Partial<SubscribeOptions> = {}) {
  const told: Observation[] = [];
  const onObserved = (observation: Observation) => void told.push(observation);
  remotes.subscribe({ url, credentials: anonymous, ref: { branch: 'main' }, intervalMs: 600_000, onObserved, ...options });
  const hears = (count: number) => waitFor(`it hears ${count} times`, async () => told.length >= count);
  await hears(1);
  return { told, hears };
}

async function pushed(server: GitServer, name: string): Promise<{ readonly repo: GitRepo; readonly url: string }> {
  const repo = await server.createRepo(`acme/${name}.git`);
  await repo.write({ 'web.yaml': '1' });
  return { repo, url: server.urlOf(repo) };
}

test('every remote of the repository is asked once: other credentials and other URLs of it are, other repositories are not', async () => {
  const { repo, url } = await pushed(open, 'shop');
  const other = await pushed(open, 'other');
  const followers = [await follower(url), await follower(url, { credentials: ada }), await follower(`${url}/`)];
  const [pinned, elsewhere] = [await follower(url, { ref: { commit: '4'.repeat(40) } }), await follower(other.url)];
  const before = open.counts.lsRefs;
  const commit = await repo.write({ 'web.yaml': '2' });
  await other.repo.write({ 'web.yaml': '2' });
  remotes.hint(url);
  await Promise.all(followers.map(({ hears }) => hears(2)));
  expect(followers.map(({ told }) => told[1]?.resolved?.commit)).toEqual([commit, commit, commit]);
  expect([open.counts.lsRefs - before, pinned.told.length, elsewhere.told.length]).toEqual([3, 1, 1]);
});

test('whom the one that is hinted at asks anyway is not asked twice', async () => {
  const { repo, url } = await pushed(open, 'asked');
  const [asking, other] = [await follower(url, { credentials: ada }), await follower(url)];
  const before = open.counts.lsRefs;
  await repo.write({ 'web.yaml': '2' });
  remotes.hint(url, ada);
  await other.hears(2);
  expect([open.counts.lsRefs - before, asking.told.length]).toEqual([1, 1]);
});

test('nobody hears what their own credentials do not open', async () => {
  const { repo, url } = await pushed(closed, 'closed');
  const [insider, outsider] = [await follower(url, { credentials: ada }), await follower(url)];
  await repo.write({ 'web.yaml': '2' });
  const before = closed.counts.all;
  remotes.hint(url);
  await insider.hears(2);
  await waitFor('both were asked', async () => closed.counts.all - before >= 2);
  expect(insider.told[1]?.resolved?.commit).toBe(await repo.tip('main'));
  expect(outsider.told.map(({ error }) => error?.reason)).toEqual(['AuthenticationFailed']);
});
