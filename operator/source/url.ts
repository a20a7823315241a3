/** URLs of repositories: what is understood, and how they are shown. */
import { PlumblineError } from '../errors.ts';

/**
 * The URL of a repository, checked. Throws PlumblineError InvalidSpec.
 * Userinfo is refused as the CRD refuses it, since it would end up in logs: but for the user of an ssh URL.
 */
export function parseGitUrl(text: string): URL {
  if (/^[\w.-]+@[\w.-]+:/.test(text)) {
    const [, user, host, path] = /^([\w.-]+)@([\w.-]+):\/?(\S*)$/.exec(text) ?? [];
    throw invalid("spec.url is git's short form", `Write ssh://${user ?? 'git'}@${host ?? 'HOST'}/${path ?? 'PATH'}.`);
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'ssh:') return checkSshUrl(url);
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw invalid('spec.url is no https, http or ssh URL', 'Write https://HOST/PATH or ssh://git@HOST/PATH.');
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid('spec.url holds a user name or password', 'Put them into a Secret and name it in spec.auth.secretRef.');
  }
  return withoutQuery(url);
}

function checkSshUrl(url: URL): URL {
  if (url.password !== '') {
    throw invalid('spec.url holds a password', 'Write ssh://git@HOST/PATH, and put the private key under identity into a Secret.');
  }
  for (const part of [url.username, url.hostname, url.pathname]) {
    const plain = decodable(part);
    // eslint-disable-next-line no-control-regex
    if (plain === undefined || /[\u0000-\u001f\u007f]/.test(plain)) {
      throw invalid('spec.url holds what is no text', 'Write ssh://git@HOST/PATH.');
    }
  }
  if (url.hostname === '' || url.pathname.replaceAll('/', '') === '') {
    throw invalid('spec.url names no host or no repository', 'Write ssh://git@HOST/PATH.');
  }
  return withoutQuery(url);
}

function withoutQuery(url: URL): URL {
  if (url.search !== '') throw invalid('spec.url holds a query', 'Write the URL without ? and what follows.');
  url.hash = '';
  return url;
}

function decodable(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function invalid(message: string, remedy: string): PlumblineError {
  return new PlumblineError({ reason: 'InvalidSpec', message, remedy });
}

/** Whether two URLs name one repository: hosts in any case, default ports, and `.git` or slashes at the end make no difference. */
export function isSameRepository(a: string, b: string): boolean {
  return a === b || plainUrl(a) === plainUrl(b);
}

function plainUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const { protocol, username, host, port, hostname, pathname } = new URL(text);
  // The URL parser knows no default port of ssh, and leaves its hosts as they are written.
  const at = protocol === 'ssh:' && (port === '22' || port === '') ? hostname.toLowerCase() : host.toLowerCase();
  const path = pathname.replace(/\/+$/, '').replace(/\.git$/, '');
  return `${protocol}//${username}@${at}${path.replace(/\/+$/, '')}`;
}

/**
 * Host and path of a repository, by whatever protocol, port and user it is reached: what is pushed to it can be seen by
 * all who follow it. It may be the same for two repositories, so it is good for asking them, and for nothing else.
 */
export function repositoryPlace(text: string): string {
  const host = URL.canParse(text) ? new URL(text).hostname.toLowerCase() : '';
  return `${host}/${repositoryPath(text)}`;
}

/**
 * `acme/deployer` of `https://host/acme/deployer.git`, `ssh://git@host:22/acme/deployer` and `git@host:Acme/deployer.git`:
 * forges do not tell upper from lower case there.
 */
export function repositoryPath(text: string): string {
  const scp = /^[^/:]+@[^/:]+:(.*)$/.exec(text)?.[1];
  const path = scp ?? (URL.canParse(text) ? new URL(text).pathname : text);
  const plain = path.replace(/^\/+|\/+$/g, '').replace(/\.git$/i, '');
  // Bitbucket Data Center clones over http below /scm.
  return plain.replace(/^scm\//, '').toLowerCase();
}

/** The URL as people may see it: without userinfo, query and fragment, all of which can hold secrets. */
export function showUrl(url: URL | string): string {
  const parsed = typeof url === 'string' ? (URL.canParse(url) ? new URL(url) : undefined) : url;
  return parsed === undefined ? 'the repository' : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}
