/**
 * Bitbucket Cloud: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Push
 * Bitbucket Data Center: https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html
 */
import { at, header, listAt, parseBody, texts } from './payload.ts';
import { isSigned } from './signature.ts';
import type { Forge } from './types.ts';

/** Both sign in `X-Hub-Signature`; Cloud names what was pushed by type and name, Data Center by full ref. */
export const bitbucket: Forge = {
  name: 'bitbucket',
  recognises: (headers) => header(headers, 'x-event-key') !== undefined,
  authenticates: (headers, body, token) => isSigned(body, token, header(headers, 'x-hub-signature'), 'sha256='),
  read(headers, body) {
    const event = header(headers, 'x-event-key');
    if (event !== 'repo:push' && event !== 'repo:refs_changed') return undefined;
    const payload = parseBody(body);
    const links = at(payload, 'repository', 'links');
    const clones = listAt(links, 'clone').map((link) => at(link, 'href'));
    const pushed = listAt(payload, 'push', 'changes').flatMap((change) => [at(change, 'new'), at(change, 'old')].map(cloudRef));
    const changed = listAt(payload, 'changes').map((change) => at(change, 'ref', 'id'));
    return {
      repositories: texts([at(links, 'html', 'href'), ...clones]),
      refs: [...new Set(texts([...pushed, ...changed]))],
    };
  },
};

/** Where a branch was deleted, `new` is null; where it was made, `old` is. */
function cloudRef(side: unknown): string | undefined {
  const [type, name] = [at(side, 'type'), at(side, 'name')];
  if (typeof name !== 'string') return undefined;
  if (type === 'branch') return `refs/heads/${name}`;
  return type === 'tag' ? `refs/tags/${name}` : undefined;
}
