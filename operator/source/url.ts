/** URLs of repositories: what is understood, and how they are shown. */
import { PlumblineError } from '../errors.ts';

/**
 * The URL of a repository, checked. Throws PlumblineError: NotSupported (ssh), InvalidSpec.
 * Userinfo is refused as the CRD refuses it: it would end up in logs.
 */
export function parseGitUrl(text: string): URL {
  if (/^ssh:/i.test(text) || /^[\w.-]+@[\w.-]+:/.test(text)) {
    throw new PlumblineError({
      reason: 'NotSupported',
      message: 'spec.url: ssh is not known to this version',
      remedy: 'Use the https:// URL of the repository.',
    });
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new PlumblineError({ reason: 'InvalidSpec', message: 'spec.url is no http(s) URL', remedy: 'Write https://HOST/PATH.' });
  }
  if (url.username !== '' || url.password !== '') {
    throw new PlumblineError({
      reason: 'InvalidSpec',
      message: 'spec.url holds a user name or password',
      remedy: 'Put them into a Secret and name it in spec.auth.secretRef.',
    });
  }
  if (url.search !== '') {
    throw new PlumblineError({
      reason: 'InvalidSpec',
      message: 'spec.url holds a query',
      remedy: 'Write the URL without ? and what follows.',
    });
  }
  url.hash = '';
  return url;
}

/** The URL as people may see it: without userinfo, query and fragment, all of which can hold secrets. */
export function showUrl(url: URL | string): string {
  const parsed = typeof url === 'string' ? (URL.canParse(url) ? new URL(url) : undefined) : url;
  return parsed === undefined ? 'the repository' : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}
