/** Anything that can sign a body: CI jobs, forges without a file of their own. */
import { at, header, texts } from './payload.ts';
import { isSigned } from './signature.ts';
import type { Forge } from './types.ts';

/**
 * Any body, also an empty one, with `X-Signature: sha256=…` over it. As JSON it may say `{"ref": "refs/heads/main"}` and
 * `{"repository": "https://…"}`; what it does not say is taken for anything.
 */
export const generic: Forge = {
  name: 'generic',
  recognises: (headers) => header(headers, 'x-signature') !== undefined,
  authenticates: (headers, body, token) => isSigned(body, token, header(headers, 'x-signature'), 'sha256='),
  read(_headers, body) {
    const payload = jsonOrNothing(body);
    const refs = texts([at(payload, 'ref')]);
    return { repositories: texts([at(payload, 'repository')]), refs: refs.length === 0 ? undefined : refs };
  },
};

function jsonOrNothing(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    void error; // any body will do
    return undefined;
  }
}
