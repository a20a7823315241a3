/** Pure: where a repository can be looked at, from the URL that git uses. */

export interface Forge {
  /** `git.example.com/acme/deployer`, for people. Empty where the URL does not parse. */
  readonly repository: string;
  /** Followed by the id of a commit it is the page of that commit; the ways of GitHub, GitLab, Gitea, Forgejo and Bitbucket (Cloud, Data Center). */
  readonly commitUrl: string;
}

/** Never holds credentials, whatever the URL does. */
export function forgeOf(url: string): Forge {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.hostname === '') return { repository: '', commitUrl: '' };
  const path = parsed.pathname.replace(/\/+$/, '').replace(/\.git$/, '');
  const { hostname } = parsed;
  // A forge's pages are not at the port of its SSH server.
  const [scheme, host] = parsed.protocol === 'ssh:' ? ['https:', hostname] : [parsed.protocol, parsed.host];
  return {
    repository: `${host}${path}`,
    commitUrl: `${scheme}//${host}${dataCenterPath(hostname, path) ?? `${path}/${commitFolder(hostname)}`}/`,
  };
}

/** Bitbucket Data Center has its pages elsewhere than what git asks for: `/scm/PROJ/repo` is `/projects/PROJ/repos/repo`. */
function dataCenterPath(hostname: string, path: string): string | undefined {
  const [, under, project, name] = /^(.*)\/scm\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  if (project === undefined || hostname === 'bitbucket.org' || isGitLab(hostname)) return undefined;
  return `${under}/projects/${project}/repos/${name}/commits`;
}

function commitFolder(hostname: string): string {
  if (hostname === 'bitbucket.org') return 'commits';
  return isGitLab(hostname) ? '-/commit' : 'commit';
}

function isGitLab(hostname: string): boolean {
  return hostname.split('.').includes('gitlab');
}
