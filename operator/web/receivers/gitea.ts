/** Gitea and Forgejo: https://docs.gitea.com/usage/webhooks and https://forgejo.org/docs/latest/user/webhooks/ */
import { at, header, parseBody, texts } from './payload.ts';
import { isSigned } from './signature.ts';
import type { Forge, Headers } from './types.ts';

/** Both sign the body in a header of their own, in bare hexadecimal, beside headers that look like GitHub's. */
export const gitea: Forge = {
  name: 'gitea',
  recognises: (headers) => eventOf(headers) !== undefined,
  authenticates: (headers, body, token) =>
    isSigned(body, token, header(headers, 'x-forgejo-signature') ?? header(headers, 'x-gitea-signature'), ''),
  read(headers, body) {
    if (eventOf(headers) !== 'push') return undefined;
    const payload = parseBody(body);
    const repository = at(payload, 'repository');
    const named = ['clone_url', 'ssh_url', 'html_url'].map((key) => at(repository, key));
    return { repositories: texts(named), refs: texts([at(payload, 'ref')]) };
  },
};

function eventOf(headers: Headers): string | undefined {
  return header(headers, 'x-forgejo-event') ?? header(headers, 'x-gitea-event');
}
