/** Webhooks as the forges' documentation describes them, signed as the forges sign. What receivers do not look at is left thin. */
import { createHmac } from 'node:crypto';

/** What is pushed where, and the token that the forge was given. */
export interface Push {
  /** The repository by https, `https://git.example.com/acme/deployer.git`. */
  readonly url: string;
  /** `refs/heads/main` */
  readonly ref: string;
  readonly token: string;
}

export interface Delivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const before = '1f0c3bb2bdd2a7b1f5e0f5bff12a44e3c4bb0d21';
const after = '5c1be05d6b4f9f1a3f5d4b5c8a0b1e2d3c4f5a6b';
const json = { 'content-type': 'application/json' };

const hmac = (token: string, body: string): string => createHmac('sha256', token).update(body).digest('hex');
const [nameOf, ownerOf] = [(url: string) => partsOf(url).name, (url: string) => partsOf(url).owner];

function partsOf(url: string): { host: string; owner: string; name: string; web: string } {
  const { host, pathname, protocol } = new URL(url);
  const [, owner = '', name = ''] = /^\/(.+)\/([^/]+?)(?:\.git)?$/.exec(pathname) ?? [];
  return { host, owner, name, web: `${protocol}//${host}/${owner}/${name}` };
}

function githubPush({ url, ref }: Push): object {
  const { host, owner, name, web } = partsOf(url);
  return {
    ref,
    before,
    after,
    created: false,
    deleted: false,
    forced: false,
    base_ref: null,
    compare: `${web}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
    repository: {
      id: 186853002,
      name,
      full_name: `${owner}/${name}`,
      private: false,
      html_url: web,
      url: web,
      git_url: `git://${host}/${owner}/${name}.git`,
      ssh_url: `git@${host}:${owner}/${name}.git`,
      clone_url: `${web}.git`,
      default_branch: 'main',
    },
    pusher: { name: 'ada', email: 'ada@example.com' },
    sender: { login: 'ada', id: 1, type: 'User' },
    commits: [{ id: after, message: 'Deploy', author: { name: 'Ada', email: 'ada@example.com' }, added: [], modified: ['web.yaml'] }],
    head_commit: { id: after, message: 'Deploy' },
  };
}

export function github(push: Push, event = 'push', as: 'json' | 'form' = 'json'): Delivery {
  const text = JSON.stringify(event === 'ping' ? { zen: 'Keep it logically awesome.', hook_id: 1 } : githubPush(push));
  const body = as === 'json' ? text : new URLSearchParams({ payload: text }).toString();
  return {
    headers: {
      'content-type': as === 'json' ? 'application/json' : 'application/x-www-form-urlencoded',
      'user-agent': 'GitHub-Hookshot/044aadd',
      'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      'x-github-event': event,
      'x-github-hook-id': '292430182',
      'x-hub-signature-256': `sha256=${hmac(push.token, body)}`,
    },
    body,
  };
}

export function gitlab({ url, ref, token }: Push): Delivery {
  const { host, owner, name, web } = partsOf(url);
  const isTag = ref.startsWith('refs/tags/');
  const urls = { git_http_url: `${web}.git`, git_ssh_url: `git@${host}:${owner}/${name}.git` };
  const repository = { name, url: urls.git_ssh_url, ...urls };
  const body = JSON.stringify({
    object_kind: isTag ? 'tag_push' : 'push',
    event_name: isTag ? 'tag_push' : 'push',
    before,
    after,
    ref,
    ref_protected: true,
    checkout_sha: after,
    user_username: 'ada',
    project: {
      id: 15,
      name,
      namespace: owner,
      path_with_namespace: `${owner}/${name}`,
      web_url: web,
      default_branch: 'main',
      ...urls,
    },
    repository,
    commits: [],
    total_commits_count: 0,
  });
  const headers = {
    ...json,
    'user-agent': 'GitLab/18.6.0',
    'x-gitlab-event': isTag ? 'Tag Push Hook' : 'Push Hook',
    // As it is in its Secret, byte by byte.
    'x-gitlab-token': Buffer.from(token).toString('latin1'),
    'x-gitlab-instance': `https://${host}`,
    'x-gitlab-webhook-uuid': '01918e2c-3c7f-7d4b-9c3c-2f5a5f6f3a10',
  };
  return { headers, body };
}

/** Gitea's and Forgejo's own headers stand beside those of GitHub. */
export function gitea(push: Push, product: 'gitea' | 'forgejo' = 'gitea'): Delivery {
  const body = JSON.stringify({ ...githubPush(push), compare_url: 'x', total_commits: 1 });
  const digest = hmac(push.token, body);
  const own = product === 'gitea' ? {} : { 'x-forgejo-event': 'push', 'x-forgejo-signature': digest, 'x-forgejo-delivery': 'f6266f16' };
  return {
    headers: {
      ...json,
      'x-gitea-delivery': 'f6266f16-1bf3-46a5-9ea4-602e06ead473',
      'x-gitea-event': 'push',
      'x-gitea-event-type': 'push',
      'x-gitea-signature': digest,
      'x-gogs-event': 'push',
      'x-gogs-signature': digest,
      'x-github-event': 'push',
      'x-hub-signature-256': `sha256=${digest}`,
      ...own,
    },
    body,
  };
}

export function bitbucketCloud({ url, ref, token }: Push, change: 'moved' | 'deleted' = 'moved'): Delivery {
  const { web } = partsOf(url);
  const full = `${ownerOf(url)}/${nameOf(url)}`;
  const side = {
    type: ref.startsWith('refs/tags/') ? 'tag' : 'branch',
    name: ref.replace(/^refs\/(heads|tags)\//, ''),
    target: { type: 'commit', hash: after },
  };
  const body = JSON.stringify({
    actor: { type: 'user', display_name: 'Ada' },
    repository: {
      type: 'repository',
      full_name: full,
      name: nameOf(url),
      links: { html: { href: web }, self: { href: 'https://api.example.com' } },
    },
    push: { changes: [{ old: side, new: change === 'moved' ? side : null, created: false, forced: false, closed: change === 'deleted' }] },
  });
  const headers = {
    ...json,
    'user-agent': 'Bitbucket-Webhooks/2.0',
    'x-event-key': 'repo:push',
    'x-hook-uuid': 'c9d0b3a0-0c4d-4e1e-9b1d-1b8e8a1b2c3d',
    'x-request-uuid': 'd9d0b3a0-0c4d-4e1e-9b1d-1b8e8a1b2c3d',
    'x-hub-signature': `sha256=${hmac(token, body)}`,
  };
  return { headers, body };
}

export function bitbucketDataCenter({ url, ref, token }: Push): Delivery {
  const { host, owner, name } = partsOf(url);
  const displayId = ref.replace(/^refs\/(heads|tags)\//, '');
  const body = JSON.stringify({
    eventKey: 'repo:refs_changed',
    date: '2026-11-25T20:00:00+0000',
    actor: { name: 'ada' },
    repository: {
      slug: name,
      name,
      project: { key: owner.toUpperCase() },
      links: {
        clone: [
          { href: `ssh://git@${host}:7999/${owner}/${name}.git`, name: 'ssh' },
          { href: `https://${host}/scm/${owner}/${name}.git`, name: 'http' },
        ],
        self: [{ href: `https://${host}/projects/${owner.toUpperCase()}/repos/${name}/browse` }],
      },
    },
    changes: [{ ref: { id: ref, displayId, type: 'BRANCH' }, refId: ref, fromHash: before, toHash: after, type: 'UPDATE' }],
  });
  const headers = { ...json, 'x-event-key': 'repo:refs_changed', 'x-request-id': '1', 'x-hub-signature': `sha256=${hmac(token, body)}` };
  return { headers, body };
}

export function generic({ token }: Push, body = ''): Delivery {
  return { headers: { 'x-signature': `sha256=${hmac(token, body)}` }, body };
}

/** One push as each forge tells it. */
export const everyForge: readonly (readonly [string, (push: Push) => Delivery])[] = [
  ['GitHub', github],
  ['GitHub, as a form', (push) => github(push, 'push', 'form')],
  ['GitLab', gitlab],
  ['Gitea', (push) => gitea(push)],
  ['Forgejo', (push) => gitea(push, 'forgejo')],
  ['Bitbucket Cloud', (push) => bitbucketCloud(push)],
  ['Bitbucket Data Center', bitbucketDataCenter],
  ['a signed body', (push) => generic(push, JSON.stringify({ ref: push.ref, repository: push.url }))],
];
