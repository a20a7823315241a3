export { makeCertificate } from './certificates.ts';
export type { CertificateOptions, ServerCertificate } from './certificates.ts';
export { GitRepo } from './repo.ts';
export type { CommitOptions, Content, CreateOptions } from './repo.ts';
export { startGitServer } from './server.ts';
export type { GitFault, GitServer, GitServerOptions } from './server.ts';
export { ensureSshd } from './find-sshd.ts';
export { makeSshKey, startSshd } from './sshd.ts';
export type { KeyType, Sshd, SshdOptions, SshKey } from './sshd.ts';
