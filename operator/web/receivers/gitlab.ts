/** GitLab: https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events */
import { at, header, parseBody, texts } from './payload.ts';
import { isSameSecret } from './signature.ts';
import type { Forge } from './types.ts';

/** Project, group and system hooks of GitLab, which send the token itself in `X-Gitlab-Token`. */
export const gitlab: Forge = {
  name: 'gitlab',
  recognises: (headers) => header(headers, 'x-gitlab-event') !== undefined,
  // Node reads the bytes of a header as latin1.
  authenticates: (headers, _body, token) => isSameSecret(Buffer.from(header(headers, 'x-gitlab-token') ?? '', 'latin1'), token),
  read(_headers, body) {
    const payload = parseBody(body);
    const kind = at(payload, 'object_kind') ?? at(payload, 'event_name');
    if (kind !== 'push' && kind !== 'tag_push') return undefined;
    const named = (key: string): readonly unknown[] =>
      ['git_http_url', 'git_ssh_url', 'http_url', 'ssh_url', 'web_url'].map((url) => at(payload, key, url));
    return { repositories: texts([...named('project'), ...named('repository')]), refs: texts([at(payload, 'ref')]) };
  },
};
