import type { Reason } from '../errors.ts';

/**
 * Reasons with which git could not be asked: none of them says anything of a revision. The alert PlumblineGitUnreachable fires
 * on them, and a deployment that meets one has not failed by it.
 */
export const gitReasons = [
  'GitUnreachable',
  'GitTimeout',
  'GitError',
  'UntrustedCertificate',
  'HostKeyUnknown',
  'HostKeyChanged',
  'HostKeyRevoked',
  'AuthenticationFailed',
  'RepositoryNotFound',
] as const satisfies readonly Reason[];
