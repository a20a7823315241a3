/** GitHub: https://docs.github.com/webhooks/webhook-events-and-payloads#push */
import { at, header, parseBody, texts } from './payload.ts';
import { isSigned } from './signature.ts';
import { UnreadableError } from './types.ts';
import type { Forge } from './types.ts';

/** Deliveries of GitHub and GitHub Enterprise, signed in `X-Hub-Signature-256`, as JSON or as a form. */
export const github: Forge = {
  name: 'github',
  recognises: (headers) => header(headers, 'x-github-event') !== undefined,
  authenticates: (headers, body, token) => isSigned(body, token, header(headers, 'x-hub-signature-256'), 'sha256='),
  read(headers, body) {
    if (header(headers, 'x-github-event') !== 'push') return undefined;
    const payload = parseBody(isForm(header(headers, 'content-type')) ? formField(body) : body);
    const repository = at(payload, 'repository');
    const named = ['clone_url', 'ssh_url', 'git_url', 'html_url'].map((key) => at(repository, key));
    return { repositories: texts(named), refs: texts([at(payload, 'ref')]) };
  },
};

function isForm(contentType: string | undefined): boolean {
  return contentType?.toLowerCase().startsWith('application/x-www-form-urlencoded') === true;
}

function formField(body: Buffer): string {
  const payload = new URLSearchParams(body.toString()).get('payload');
  if (payload === null) throw new UnreadableError('the form has no field payload');
  return payload;
}
