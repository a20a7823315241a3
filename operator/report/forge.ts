/** Pure: where a repository can be looked at, from the URL that git uses. */

export interface Forge {
  /** `git.example.com/acme/deployer`, for people. Empty where the URL does not parse. */
  readonly repository: string;
  /** Followed by the id of a commit it is the page of that commit; the ways of GitHub, GitLab, Gitea, Forgejo and Bitbucket. */
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
  return { repository: `${host}${path}`, commitUrl: `${scheme}//${host}${path}/${commitFolder(hostname)}/` };
}

function commitFolder(hostname: string): string {
  if (hostname === 'bitbucket.org') return 'commits';
  return hostname.split('.').includes('gitlab') ? '-/commit' : 'commit';
}
