/** Pure: a commit status as the request that each forge wants. */
import { createHash } from 'node:crypto';
import type { GitOpsSource, Notification, SpecCommitStatus } from '../api/types.ts';
import { cutText } from '../report/text.ts';
import { forgeRepository } from './repository.ts';
import type { ForgeRepository, Provider } from './repository.ts';
import type { Question } from './types.ts';
import { deletedReason } from './waiting.ts';

type State = 'pending' | 'success' | 'failure' | 'gone';

interface Told {
  readonly state: State;
  readonly context: string;
  readonly description: string;
  readonly ref: string | undefined;
}

interface Way {
  readonly path: (repository: ForgeRepository, commit: string) => string;
  readonly headers: (token: string) => Readonly<Record<string, string>>;
  readonly body: (told: Told) => object;
  /** Of a description, in characters. */
  readonly length: number;
}

const inFolders = ({ path }: ForgeRepository): string => path.split('/').map(encodeURIComponent).join('/');
const usualBody = ({ state, context, description }: Told): object => ({ state: state === 'gone' ? 'error' : state, context, description });
const gitLabStates: Readonly<Record<State, string>> = { pending: 'pending', success: 'success', failure: 'failed', gone: 'canceled' };

const ways: Readonly<Record<Provider, Way>> = {
  // https://docs.github.com/en/rest/commits/statuses
  GitHub: {
    path: (repository, commit) => `/repos/${inFolders(repository)}/statuses/${commit}`,
    headers: (token) => ({
      authorization: `Bearer ${token}`,
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
    }),
    body: usualBody,
    length: 140,
  },
  // https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
  GitLab: {
    path: ({ path }, commit) => `/projects/${encodeURIComponent(path)}/statuses/${commit}`,
    headers: (token) => ({ 'private-token': token }),
    body: ({ state, context, description, ref }) => ({
      state: gitLabStates[state],
      name: context,
      description,
      ...(ref === undefined ? {} : { ref }),
    }),
    length: 255,
  },
  // https://docs.gitea.com/api: repoCreateStatus
  Gitea: {
    path: (repository, commit) => `/repos/${inFolders(repository)}/statuses/${commit}`,
    headers: (token) => ({ authorization: `token ${token}` }),
    body: usualBody,
    length: 255,
  },
};

/** Throws PlumblineError InvalidSpec where spec.url names no repository of such a forge. */
export function commitStatusRequest(source: GitOpsSource, spec: SpecCommitStatus, entry: Notification, token: Buffer): Question {
  const repository = forgeRepository(spec, source.spec.url);
  const way = ways[spec.provider];
  const told: Told = {
    state: stateOf(entry),
    context: contextOf(source, spec),
    description: cutText(descriptionOf(entry), way.length),
    ref: entry.ref?.startsWith('refs/') === true ? undefined : entry.ref,
  };
  return {
    url: new URL(`${repository.api}${way.path(repository, encodeURIComponent(entry.commit))}`),
    headers: { ...way.headers(token.toString('latin1')), 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(way.body(told))),
  };
}

/**
 * What the status is called among those of a commit. The uid tells clusters apart that follow the same repository with
 * sources of the same name.
 */
export function contextOf({ metadata: { namespace, name, uid = '' } }: GitOpsSource, { context }: SpecCommitStatus): string {
  return context ?? `plumbline/${namespace}/${name}@${uid.slice(0, 8)}`;
}

/** Another digest means that the forge there was told nothing yet; empty without spec.notify.commitStatus. */
export function targetOf(source: GitOpsSource): string {
  const spec = source.spec.notify?.commitStatus;
  if (spec === undefined) return '';
  const about = [spec.provider, spec.apiURL ?? '', source.spec.url, contextOf(source, spec)];
  return createHash('sha256').update(JSON.stringify(about)).digest('hex').slice(0, 16);
}

/** GitLab answers 400 to a state that a commit has already: a repeat, after a crash between telling and noting. */
export function isToldAlready(provider: Provider, status: number, text: string): boolean {
  return provider === 'GitLab' && status === 400 && text.includes('Cannot transition status');
}

function stateOf({ type, reason }: Notification): State {
  if (reason === deletedReason) return 'gone';
  return type === 'Pending' ? 'pending' : type === 'Failed' ? 'failure' : 'success';
}

function descriptionOf({ type, reason, message = '' }: Notification): string {
  const line = message.split('\n')[0] ?? '';
  return type === 'Failed' ? `${reason ?? 'Failed'}: ${line}` : line;
}
