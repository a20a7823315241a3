/** From what spec.ref asks for to a commit. */
import semver from 'semver';
import { PlumblineError } from '../errors.ts';
import { cleaned, editDistance } from './names.ts';
import type { RefSpec, RemoteRefs, ResolvedRef } from './types.ts';

/** The commit that `spec` means on this remote. Throws PlumblineError: RefNotFound, EmptyRepository, InvalidSpec. */
export function resolveRef(remote: RemoteRefs, spec: RefSpec): ResolvedRef {
  const pinned = pinnedCommit(spec);
  if (pinned !== undefined) return pinned;
  if (remote.refs.size === 0 && remote.head === undefined) {
    throw new PlumblineError({ reason: 'EmptyRepository', message: 'the repository has no commit yet' });
  }
  if (spec.branch !== undefined) return named(remote, `refs/heads/${spec.branch}`, spec.branch, 'branch');
  if (spec.tag !== undefined) return named(remote, `refs/tags/${spec.tag}`, spec.tag, 'tag');
  if (spec.semver !== undefined) return finish(highest(remote, spec.semver));
  if (spec.name !== undefined) return named(remote, spec.name, shortName(spec.name), 'ref');
  return remoteHead(remote);
}

/** As resolveRef of a range, in steps: there may be very many tags. */
export function* resolveRange(remote: RemoteRefs, range: string): Generator<void, ResolvedRef, void> {
  if (remote.refs.size === 0 && remote.head === undefined) return resolveRef(remote, { semver: range });
  return yield* highest(remote, range);
}

/** A spec that names its commit needs no answer of the remote. */
function pinnedCommit(spec: RefSpec): ResolvedRef | undefined {
  if (spec.commit === undefined) return undefined;
  if (!/^[0-9a-f]{40}$/i.test(spec.commit)) {
    throw new PlumblineError({
      reason: 'InvalidSpec',
      message: 'spec.ref.commit is no full commit id',
      remedy: 'Write all 40 hexadecimal digits, as `git rev-parse` prints them.',
    });
  }
  return { commit: spec.commit.toLowerCase(), fullRef: undefined, shortRef: undefined };
}

/** What a person wrote, for messages: `branch main`. */
export function specText(spec: RefSpec): string {
  if (spec.branch !== undefined) return `branch ${spec.branch}`;
  if (spec.tag !== undefined) return `tag ${spec.tag}`;
  if (spec.semver !== undefined) return `a tag in ${spec.semver}`;
  if (spec.commit !== undefined) return `commit ${spec.commit}`;
  if (spec.name !== undefined) return `ref ${spec.name}`;
  return 'HEAD';
}

/** Prefixes of the refs that `spec` needs beside HEAD and the branches. */
export function neededPrefixes(spec: RefSpec): readonly string[] {
  if (spec.tag !== undefined || spec.semver !== undefined) return ['refs/tags/'];
  return spec.name === undefined ? [] : [spec.name];
}

/** A range as npm reads them. Throws PlumblineError InvalidSpec. */
export function parseSemverRange(text: string): semver.Range {
  const range = text.trim() === '' ? null : semver.validRange(text);
  if (range === null) {
    throw new PlumblineError({
      reason: 'InvalidSpec',
      message: `spec.ref.semver: ${JSON.stringify(text)} is no range of versions`,
      remedy: 'Write a range such as ">=1.2.0 <2.0.0", "1.x" or "~1.4".',
    });
  }
  return new semver.Range(text);
}

function named(remote: RemoteRefs, fullRef: string, shortRef: string, what: string): ResolvedRef {
  const commit = remote.refs.get(fullRef);
  if (commit !== undefined) return { commit, ...tagOf(remote, fullRef), fullRef, shortRef };
  const folder = what === 'branch' ? 'refs/heads/' : what === 'tag' ? 'refs/tags/' : undefined;
  throw new PlumblineError({
    reason: 'RefNotFound',
    message: `${what} ${shortRef} is not in the repository${suggestion(remote, shortRef, folder)}`,
  });
}

interface Version {
  readonly version: semver.SemVer;
  readonly tag: string;
  readonly commit: string;
}

/** Of an answer that several ranges are looked for in, the versions among its tags. */
const parsed = new WeakMap<RemoteRefs, readonly Version[]>();
/** Tags that are looked at in one step, of a millisecond or so. */
const tagsAStep = 200;

function* versionsOf(remote: RemoteRefs): Generator<void, readonly Version[], void> {
  const known = parsed.get(remote);
  if (known !== undefined) return known;
  const versions: Version[] = [];
  let looked = 0;
  for (const [ref, commit] of remote.refs) {
    looked += 1;
    if (looked % tagsAStep === 0) yield;
    if (!ref.startsWith('refs/tags/')) continue;
    const tag = ref.slice('refs/tags/'.length);
    const version = semver.parse(tag);
    if (version !== null) versions.push({ version, tag, commit });
  }
  parsed.set(remote, versions);
  return versions;
}

function* highest(remote: RemoteRefs, text: string): Generator<void, ResolvedRef, void> {
  const range = parseSemverRange(text);
  const all = yield* versionsOf(remote);
  const versions = all.length;
  let best: Version | undefined;
  let looked = 0;
  for (const one of all) {
    looked += 1;
    if (looked % tagsAStep === 0) yield;
    const { version, tag } = one;
    // Build metadata has no precedence (semver.org item 10); compareBuild and then the name make the choice the same every time.
    const order = best === undefined ? 1 : semver.compareBuild(version, best.version) || (tag > best.tag ? 1 : -1);
    if (order > 0 && range.test(version)) best = one;
  }
  if (best !== undefined) {
    const fullRef = `refs/tags/${best.tag}`;
    return { commit: best.commit, ...tagOf(remote, fullRef), fullRef, shortRef: best.tag };
  }
  const there =
    versions === 0
      ? 'no tag is a version'
      : versions === 1
        ? 'the one tag that is a version is outside it'
        : `all ${versions} tags that are versions are outside it`;
  throw new PlumblineError({ reason: 'RefNotFound', message: `no tag is in the range ${text}: ${there}` });
}

function finish<T>(steps: Generator<void, T, void>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The tag object behind a ref, where there is one. */
function tagOf(remote: RemoteRefs, fullRef: string): Pick<ResolvedRef, 'tag'> {
  const tag = remote.tags.get(fullRef);
  return tag === undefined ? {} : { tag };
}

function remoteHead(remote: RemoteRefs): ResolvedRef {
  if (remote.head !== undefined) {
    return { commit: remote.head, fullRef: remote.headRef, shortRef: remote.headRef === undefined ? undefined : shortName(remote.headRef) };
  }
  throw new PlumblineError({
    reason: 'RefNotFound',
    message: `the HEAD of the repository points at no commit${suggestion(remote, 'main', 'refs/heads/')}`,
    remedy: 'Name a branch in spec.ref.branch.',
  });
}

function shortName(fullRef: string): string {
  return fullRef.replace(/^refs\/(heads|tags)\//, '');
}

/** The three names nearest to the one that was asked for. */
function suggestion(remote: RemoteRefs, wanted: string, folder: string | undefined): string {
  const names = [...remote.refs.keys()]
    .filter((ref) => folder === undefined || ref.startsWith(folder))
    .map((ref) => (folder === undefined ? ref : shortName(ref)));
  if (names.length === 0) return '';
  const near = names
    .slice(0, 500)
    .map((name) => ({ name, distance: editDistance(name.slice(0, 60), wanted.slice(0, 60)) }))
    .toSorted((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => cleaned(name.slice(0, 100)));
  return `; there ${near.length === 1 ? 'is' : 'are'} ${near.join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;
}
