import { introduce } from '../../operator/source/introduction.ts';
import type { TransportSettings } from '../../operator/source/http.ts';
import type { Limits } from '../../operator/source/limits.ts';
import { lsRefs } from '../../operator/source/protocol.ts';
import type { Transports } from '../../operator/source/transports.ts';
import type { Credentials, RemoteRefs } from '../../operator/source/types.ts';
import { parseGitUrl } from '../../operator/source/url.ts';

export interface Ask extends TransportSettings {
  readonly url: string;
  readonly credentials: Credentials;
  readonly limits: Limits;
  readonly transports: Transports;
}

/** One ls-refs to a server that nothing is known of. */
export async function fetchRefs(ask: Ask, prefixes: readonly string[], signal: AbortSignal): Promise<RemoteRefs> {
  const url = parseGitUrl(ask.url);
  const service = ask.transports.service(url, ask.credentials, ask);
  try {
    return await lsRefs(service, await introduce(service, ask.limits.refsBytes, signal), prefixes, ask.limits.refsBytes, signal);
  } finally {
    await service.close();
  }
}
