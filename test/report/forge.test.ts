import { expect, test } from '@jest/globals';
import { forgeOf } from '../../operator/report/forge.ts';

test.each([
  ['https://github.com/acme/deployer.git', 'github.com/acme/deployer', 'https://github.com/acme/deployer/commit/'],
  ['https://gitlab.com/acme/team/deployer.git', 'gitlab.com/acme/team/deployer', 'https://gitlab.com/acme/team/deployer/-/commit/'],
  ['https://gitlab.example.com/acme/deployer', 'gitlab.example.com/acme/deployer', 'https://gitlab.example.com/acme/deployer/-/commit/'],
  ['https://bitbucket.org/acme/deployer.git', 'bitbucket.org/acme/deployer', 'https://bitbucket.org/acme/deployer/commits/'],
  [
    'http://git.example.com:3000/acme/deployer.git/',
    'git.example.com:3000/acme/deployer',
    'http://git.example.com:3000/acme/deployer/commit/',
  ],
  ['ssh://git@git.example.com:2222/acme/deployer.git', 'git.example.com/acme/deployer', 'https://git.example.com/acme/deployer/commit/'],
  ['https://user:secret@git.example.com/acme/deployer', 'git.example.com/acme/deployer', 'https://git.example.com/acme/deployer/commit/'],
  [
    'https://bb.example.com/scm/PROJ/deployer.git',
    'bb.example.com/scm/PROJ/deployer',
    'https://bb.example.com/projects/PROJ/repos/deployer/commits/',
  ],
  [
    'https://git.example.com:8443/bitbucket/scm/~ada/deployer.git',
    'git.example.com:8443/bitbucket/scm/~ada/deployer',
    'https://git.example.com:8443/bitbucket/projects/~ada/repos/deployer/commits/',
  ],
  // A group or owner may be called so elsewhere.
  ['https://github.com/scm/deployer', 'github.com/scm/deployer', 'https://github.com/scm/deployer/commit/'],
  ['https://gitlab.com/scm/team/deployer', 'gitlab.com/scm/team/deployer', 'https://gitlab.com/scm/team/deployer/-/commit/'],
  ['no url', '', ''],
])('%s', (url, repository, commitUrl) => {
  expect(forgeOf(url)).toEqual({ repository, commitUrl });
});
