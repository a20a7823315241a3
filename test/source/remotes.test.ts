import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import type { Clock } from '../../operator/source/remote.ts';
import { Remotes } from '../../operator/source/remotes.ts';
import type { Observation, SubscribeOptions, Subscription } from '../../operator/source/types.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitRepo, GitServer } from '../gitserver/index.ts';

/** A clock that stands still until it is told to go on. */
class HandClock implements Clock {
  #now = 1_000_000;
  readonly #timers = new Set<{ readonly due: number; readonly fire: () => void }>();

  now = (): number => this.#now;

  after = (ms: number, fire: () => void): (() => void) => {
    const timer = { due: this.#now + ms, fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Milliseconds until something is due; undefined when nothing is. */
  get next(): number | undefined {
    const due = Math.min(...[...this.#timers].map((timer) => timer.due));
    return Number.isFinite(due) ? due - this.#now : undefined;
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers].filter(({ due }) => due <= this.#now)) {
      this.#timers.delete(timer);
      timer.fire();
    }
  }
}

const signal = new AbortController().signal;
let server: GitServer;
let repo: GitRepo;
let url: string;
let clock: HandClock;
let remotes: Remotes;
let requests: string[];

beforeAll(async () => {
  server = await startGitServer();
});
afterAll(() => server.close());

beforeEach(async () => {
  repo = await server.createRepo(`${expect.getState().currentTestName?.replace(/\W+/g, '-')}.git`);
  url = server.urlOf(repo);
  clock = new HandClock();
  requests = [];
  remotes = new Remotes({
    client: createGitClient({ timeouts: { idleMs: 2000 } }),
    clock,
    random: () => 0.5,
    onRequest: (result) => requests.push(result),
  });
});
afterEach(async () => {
  server.fault = undefined;
  await remotes.close();
});

interface Listener extends Subscription {
  readonly told: Observation[];
  /** Waits until it was told so many things in all, and gives the last. */
  until(count: number): Promise<Observation>;
}

function listen(options: Partial<SubscribeOptions> = {}): Listener {
  const told: Observation[] = [];
  const subscription = remotes.subscribe({
    url,
    credentials: anonymous,
    ref: { branch: 'main' },
    intervalMs: 60_000,
    onObserved: (observation) => told.push(observation),
    ...options,
  });
  const until = async (count: number): Promise<Observation> => {
    await eventually(() => told.length >= count);
    return told[count - 1] as Observation;
  };
  return { ...subscription, told, until };
}

async function eventually(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not come to pass');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Lets the time pass that is left until the next poll, and the poll be answered. */
async function nextPoll(): Promise<number> {
  await eventually(() => clock.next !== undefined);
  const wait = clock.next ?? 0;
  const before = requests.length;
  clock.advance(wait);
  await eventually(() => requests.length > before && clock.next !== undefined);
  return wait;
}

describe('a subscriber', () => {
  test('is told where its ref is, then of changes only', async () => {
    const first = await repo.write({ 'web.yaml': '1' });
    const source = listen();
    await nextPoll();
    expect(await source.until(1)).toEqual({ resolved: { commit: first, fullRef: 'refs/heads/main', shortRef: 'main' }, at: clock.now() });
    expect(await nextPoll()).toBe(60_000);
    expect(source.told).toHaveLength(1);
    const second = await repo.write({ 'web.yaml': '2' });
    await nextPoll();
    expect((await source.until(2)).resolved?.commit).toBe(second);
  });

  test('that asks now is told at once, changed or not', async () => {
    const first = await repo.write({ 'web.yaml': '1' });
    const source = listen();
    await nextPoll();
    source.pollNow();
    expect(await nextPoll()).toBe(0);
    expect((await source.until(2)).resolved?.commit).toBe(first);
    expect(await nextPoll()).toBe(60_000);
    expect(source.told).toHaveLength(2);
  });

  test('that asks while an answer is on its way gets a later one as well', async () => {
    await repo.write({ 'web.yaml': '1' });
    const before = server.counts.lsRefs;
    const source = listen();
    clock.advance(0);
    source.pollNow();
    source.pollNow();
    await source.until(1);
    await eventually(() => clock.next !== undefined);
    expect(clock.next).toBe(0);
    await nextPoll();
    await source.until(2);
    expect(server.counts.lsRefs - before).toBe(2);
    expect(clock.next).toBe(60_000);
  });

  test('that was hinted at has the remote asked once for all, and whoever it has news for is told', async () => {
    await repo.write({ 'web.yaml': '1' });
    const [source, other] = [listen(), listen()];
    await nextPoll();
    await Promise.all([source.until(1), other.until(1)]);
    const before = server.counts.lsRefs;
    remotes.hint(url);
    remotes.hint(url);
    expect(await nextPoll()).toBe(0);
    expect([server.counts.lsRefs - before, source.told.length, other.told.length]).toEqual([1, 1, 1]);
    const second = await repo.write({ 'web.yaml': '2' });
    remotes.hint(url);
    expect(await nextPoll()).toBe(0);
    expect([(await source.until(2)).resolved?.commit, (await other.until(2)).resolved?.commit]).toEqual([second, second]);
    source.close();
    other.close();
    remotes.hint(url);
    expect(clock.next).toBeUndefined(); // nobody listens any more
    expect(server.counts.lsRefs - before).toBe(2);
  });

  test('that comes while an answer is fresh is served by it, unless its ref is not in it', async () => {
    const first = await repo.write({ 'web.yaml': '1' });
    const known = listen();
    await nextPoll();
    await known.until(1);
    const before = server.counts.lsRefs;
    const served = listen();
    expect((await served.until(1)).resolved?.commit).toBe(first);
    expect(server.counts.lsRefs - before).toBe(0);
    const staging = await repo.write({ 'web.yaml': '2' }, { branch: 'staging' });
    const late = listen({ ref: { branch: 'staging' } });
    expect(await nextPoll()).toBe(0);
    expect((await late.until(1)).resolved?.commit).toBe(staging);
    expect(server.counts.lsRefs - before).toBe(1);
  });

  test('of a commit is told without anybody being asked', async () => {
    const before = server.counts.all;
    const source = listen({ ref: { commit: '4'.repeat(40) } });
    expect((await source.until(1)).resolved).toEqual({ commit: '4'.repeat(40), fullRef: undefined, shortRef: undefined });
    source.pollNow();
    await source.until(2);
    expect(server.counts.all).toBe(before);
    expect(clock.next).toBeUndefined();
  });

  test('that has closed is told nothing and asks nothing', async () => {
    await repo.write({ 'web.yaml': '1' });
    const source = listen();
    source.close();
    expect(clock.next).toBeUndefined();
    source.pollNow();
    expect(clock.next).toBeUndefined();
    expect(source.told).toEqual([]);
  });

  test('of a URL that is not understood is refused', () => {
    expect(() => listen({ url: 'git@example.com:x' })).toThrow('short form');
  });
});

describe('many sources of one remote', () => {
  test('cost one ls-refs when they appear together, and one per interval', async () => {
    const sha = await repo.write({ 'web.yaml': '1' });
    const before = server.counts.lsRefs;
    const sources = Array.from({ length: 1000 }, () => listen());
    await nextPoll();
    const late = Array.from({ length: 10 }, () => listen());
    for (const source of [...sources, ...late]) expect((await source.until(1)).resolved?.commit).toBe(sha);
    expect(server.counts.lsRefs - before).toBe(1);
    await nextPoll();
    expect(server.counts.lsRefs - before).toBe(2);
    expect(sources.every(({ told }) => told.length === 1)).toBe(true);
    const next = await repo.write({ 'web.yaml': '2' });
    await nextPoll();
    for (const source of sources) expect((await source.until(2)).resolved?.commit).toBe(next);
    expect(server.counts.lsRefs - before).toBe(3);
    await nextPoll();
    expect(sources.every(({ told }) => told.length === 2)).toBe(true);
  });

  test('are asked for at the shortest interval', async () => {
    await repo.write({ 'web.yaml': '1' });
    // A question may wait up to a second for those to other remotes.
    const isAbout = (ms: number | undefined, interval: number): void => {
      expect(ms).toBeGreaterThanOrEqual(interval);
      expect(ms).toBeLessThan(interval + 1_000);
    };
    listen({ intervalMs: 600_000 });
    await nextPoll();
    isAbout(clock.next, 600_000);
    const quick = listen({ intervalMs: 20_000 });
    isAbout(await nextPoll(), 20_000);
    quick.close();
    await nextPoll();
    isAbout(clock.next, 600_000);
  });

  test('each get their own ref', async () => {
    const first = await repo.write({ 'web.yaml': '1' });
    await repo.tag('v1.0.0', first);
    const second = await repo.write({ 'web.yaml': '2' });
    const branch = listen();
    await nextPoll();
    // Tags were not asked for so far.
    const range = listen({ ref: { semver: '1.x' } });
    await nextPoll();
    expect((await range.until(1)).resolved).toEqual({ commit: first, fullRef: 'refs/tags/v1.0.0', shortRef: 'v1.0.0' });
    expect((await branch.until(1)).resolved?.commit).toBe(second);
    expect(branch.told).toHaveLength(1);
    const missing = listen({ ref: { branch: 'prod' } });
    await nextPoll();
    expect((await missing.until(1)).error?.reason).toBe('RefNotFound');
  });

  test('with other credentials are another remote', async () => {
    await repo.write({ 'web.yaml': '1' });
    const before = server.counts.lsRefs;
    const sources = [listen(), listen({ credentials: { id: 'other', username: 'ada' } })];
    clock.advance(0);
    for (const source of sources) await source.until(1);
    expect(server.counts.lsRefs - before).toBe(2);
  });
});

describe('a remote that fails', () => {
  test('is told once, asked again with backoff, and told when it is well', async () => {
    const sha = await repo.write({ 'web.yaml': '1' });
    server.fault = { kind: 'status', status: 500 };
    const source = listen();
    expect(await nextPoll()).toBe(0);
    expect((await source.until(1)).error?.reason).toBe('GitError');
    const waits: number[] = [];
    for (let index = 0; index < 8; index += 1) waits.push(await nextPoll());
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    expect(source.told).toHaveLength(1);
    server.fault = undefined;
    await nextPoll();
    expect((await source.until(2)).resolved?.commit).toBe(sha);
    expect(clock.next).toBe(60_000);
    expect(requests).toEqual([...Array.from({ length: 9 }, () => 'GitError'), 'ok']);
  });

  test('is asked at once for who asks now', async () => {
    server.fault = { kind: 'hang' };
    const source = listen();
    await nextPoll();
    expect((await source.until(1)).error?.reason).toBe('GitTimeout');
    source.pollNow();
    expect(await nextPoll()).toBe(0);
    expect((await source.until(2)).error?.reason).toBe('GitTimeout');
  });

  test('is left alone as long as it wishes', async () => {
    server.fault = { kind: 'status', status: 429, headers: { 'retry-after': '300' } };
    listen();
    await nextPoll();
    expect(clock.next).toBe(300_000);
  });
});

describe('a host that has too much to do', () => {
  test('is asked once, however many of its repositories are followed', async () => {
    server.fault = { kind: 'status', status: 429, headers: { 'retry-after': '300' } };
    const before = server.counts.all;
    const first = listen();
    await nextPoll();
    expect((await first.until(1)).error?.message).toContain('answers 429');
    const others = Array.from({ length: 50 }, (_, index) => listen({ url: `${server.url}/other-${index}.git` }));
    clock.advance(0);
    for (const other of others) expect((await other.until(1)).error?.message).toContain('asks to be left alone (429)');
    expect(server.counts.all - before).toBe(1);
  });
});

describe('a ref that goes', () => {
  test('is told with where it was, and again when it is back', async () => {
    const first = await repo.write({ 'web.yaml': '1' });
    await repo.write({ 'api.yaml': '1' }, { branch: 'other' });
    const source = listen();
    await nextPoll();
    await repo.deleteBranch('main');
    await nextPoll();
    const gone = await source.until(2);
    expect(gone.error?.reason).toBe('RefNotFound');
    expect(gone.error?.message).toContain(`branch main was there at ${first.slice(0, 7)} when last seen`);
    await repo.setRef('refs/heads/main', first);
    await nextPoll();
    expect((await source.until(3)).resolved?.commit).toBe(first);
  });

  test('is remembered over a restart', async () => {
    const source = listen({ lastCommit: '4f2a9c1'.padEnd(40, '0') });
    await nextPoll();
    const { error } = await source.until(1);
    expect(error?.reason).toBe('EmptyRepository');
    expect(error?.message).toContain('4f2a9c1');
  });
});

describe('a commit', () => {
  test('is fetched once for all who want it, and kept', async () => {
    const sha = await repo.write({ 'web.yaml': '1' });
    const ref = { commit: sha, fullRef: 'refs/heads/main', shortRef: 'main' };
    const before = server.counts.fetch;
    const all = await Promise.all(Array.from({ length: 50 }, () => remotes.checkout(url, anonymous, ref, signal)));
    all.push(await remotes.checkout(url, anonymous, ref, signal));
    expect(new Set(all).size).toBe(1);
    expect(server.counts.fetch - before).toBe(1);
  });

  test('is fetched again after a failure', async () => {
    const sha = await repo.write({ 'web.yaml': '1' });
    const ref = { commit: sha, fullRef: 'refs/heads/main', shortRef: 'main' };
    server.fault = { kind: 'status', status: 500 };
    await expect(remotes.checkout(url, anonymous, ref, signal)).rejects.toMatchObject({ reason: 'GitError' });
    server.fault = undefined;
    expect((await remotes.checkout(url, anonymous, ref, signal)).commit.sha).toBe(sha);
  });

  test('goes on being fetched while one of those who want it waits', async () => {
    const sha = await repo.write({ 'web.yaml': '1' });
    const ref = { commit: sha, fullRef: 'refs/heads/main', shortRef: 'main' };
    const controller = new AbortController();
    const left = remotes.checkout(url, anonymous, ref, controller.signal);
    const stayed = remotes.checkout(url, anonymous, ref, signal);
    controller.abort();
    await expect(left).rejects.toBe(controller.signal.reason);
    expect((await stayed).commit.sha).toBe(sha);
  });

  test('that everybody gave up is fetched anew', async () => {
    const sha = await repo.write({ 'web.yaml': '1' });
    const ref = { commit: sha, fullRef: 'refs/heads/main', shortRef: 'main' };
    const controller = new AbortController();
    const left = remotes.checkout(url, anonymous, ref, controller.signal);
    controller.abort();
    await expect(left).rejects.toBe(controller.signal.reason);
    expect((await remotes.checkout(url, anonymous, ref, signal)).commit.sha).toBe(sha);
  });

  test('is known to follow another, as long as the server says so', async () => {
    const first = await repo.write({ 'web.yaml': '1' });
    const second = await repo.write({ 'web.yaml': '2' });
    expect(await remotes.descends(url, anonymous, first, second, signal)).toBe(true);
    expect(await remotes.descends(url, anonymous, second, first, signal)).toBe(false);
    server.fault = { kind: 'hang' };
    expect(await remotes.descends(url, anonymous, first, second, signal)).toBe(true);
    expect(await remotes.descends(url, anonymous, first, '4'.repeat(40), signal)).toBeUndefined();
  });
});
