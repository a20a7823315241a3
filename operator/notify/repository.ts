/** Pure: which repository of which forge a source follows, and where that forge's API is. */
import type { SpecCommitStatus } from '../api/types.ts';
import { PlumblineError } from '../errors.ts';

export type Provider = SpecCommitStatus['provider'];

export interface ForgeRepository {
  /** Without a slash at its end. */
  readonly api: string;
  /** `acme/deployer`; of GitLab with all groups, `acme/shop/deployer`. */
  readonly path: string;
}

const apiFolder: Readonly<Record<Provider, string>> = { GitHub: '/api/v3', GitLab: '/api/v4', Gitea: '/api/v1' };
/** Beside github.com, the host at which GitHub takes SSH on port 443. */
const publicGitHub: ReadonlySet<string> = new Set(['github.com', 'www.github.com', 'ssh.github.com']);

/** Throws PlumblineError InvalidSpec where spec.url names no repository that such a forge can have. */
export function forgeRepository({ provider, apiURL }: Pick<SpecCommitStatus, 'provider' | 'apiURL'>, url: string): ForgeRepository {
  const parsed = URL.parse(url);
  const steps = parsed === null ? [] : stepsOf(parsed.pathname);
  if (parsed === null || steps.length < 2) throw noRepository(provider);
  // What a forge under a path of its host has before its repositories: of GitLab it cannot be told from a group otherwise.
  const given = apiURL === undefined ? undefined : URL.parse(apiURL);
  const under = given === undefined || given === null ? [] : stepsOf(given.pathname.replace(/\/api\/v\d+\/*$/, ''));
  const isUnder = under.length > 0 && under.length <= steps.length - 2 && under.every((step, at) => step === steps[at]);
  const own = provider === 'GitLab' ? (isUnder ? steps.slice(under.length) : steps) : steps.slice(-2);
  const before = provider === 'GitLab' ? [] : steps.slice(0, -2);
  return { api: (apiURL ?? usualApi(provider, parsed, before)).replace(/\/+$/, ''), path: own.join('/') };
}

function usualApi(provider: Provider, url: URL, before: readonly string[]): string {
  if (provider === 'GitHub' && publicGitHub.has(url.hostname)) return 'https://api.github.com';
  // A forge's API is not at the port of its SSH server.
  const [scheme, host] = url.protocol === 'ssh:' ? ['https:', url.hostname] : [url.protocol, url.host];
  return `${scheme}//${host}${before.map((step) => `/${encodeURIComponent(step)}`).join('')}${apiFolder[provider]}`;
}

function stepsOf(pathname: string): readonly string[] {
  const steps = pathname
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .split('/')
    .filter((step) => step !== '')
    .map(decoded);
  return steps.some((step) => step === '' || step === '.' || step === '..' || step.includes('/')) ? [] : steps;
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch (error) {
    if (error instanceof URIError) return '';
    throw error;
  }
}

function noRepository(provider: Provider): PlumblineError {
  return new PlumblineError({
    reason: 'InvalidSpec',
    message: `spec.url names no repository of ${provider}: its path has no owner and name`,
    remedy: 'Take spec.notify.commitStatus away, or correct spec.url.',
  });
}
