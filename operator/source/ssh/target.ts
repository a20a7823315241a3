/** What an ssh URL says: whom to call, as whom, and what to run there. Pure. */

export interface SshTarget {
  /** Lower case, without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** As the shell of the server reads it. */
  readonly command: string;
}

/** Of a URL that parseGitUrl has let through. Git forges call their user `git`. */
export function sshTarget(url: URL): SshTarget {
  const path = decodeURIComponent(url.pathname).replace(/\/+$/, '');
  return {
    host: url.hostname.toLowerCase().replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 22 : Number(url.port),
    user: url.username === '' ? 'git' : decodeURIComponent(url.username),
    // As git does it: /~ada/shop lies in the home of ada.
    command: `git-upload-pack ${quoted(path.startsWith('/~') ? path.slice(1) : path)}`,
  };
}

/** One word for a shell; csh sees ! even within quotes. */
function quoted(text: string): string {
  return `'${text.replace(/['!]/g, (sign) => `'\\${sign}'`)}'`;
}
