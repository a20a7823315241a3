/** What a server says first: gitprotocol-v2(5) "Capability Advertisement", gitprotocol-pack(5) "Reference Discovery". */
import { PlumblineError } from '../errors.ts';
import { quote } from './http-errors.ts';
import type { Mask } from './mask.ts';
import { isRefName } from './names.ts';
import { capped, notGit, readPackets, textOf } from './pktline.ts';
import type { ProtocolVersion, Service } from './service.ts';
import type { RemoteRefs } from './types.ts';
import { metered } from './watched.ts';
import type { Meter } from './watched.ts';

/** A server that has introduced itself. */
export interface Introduction {
  readonly version: ProtocolVersion;
  /** Name → value; for version 2 the commands with their features. */
  readonly capabilities: ReadonlyMap<string, string>;
  /** What a server of version 0 tells unasked. */
  readonly advertised: RemoteRefs | undefined;
}

/** Asks a server what it is. `refsBytes` bounds what a server of version 0 may tell with it; `meter` is told how it gets on. Throws PlumblineError. */
export async function introduce(service: Service, refsBytes: number, signal: AbortSignal, meter?: Meter): Promise<Introduction> {
  const answer = await service.introduce(signal);
  const body = meter === undefined ? answer : metered(answer, meter);
  const capabilities = new Map<string, string>();
  const refs = new Map<string, string>();
  const tags = new Map<string, string>();
  let version: ProtocolVersion = 0;
  let head: string | undefined;
  let first = true;
  let announced = false;
  let silent = true;
  let last = '';
  for await (const packet of readPackets(capped(body, refsBytes, 'its list of refs'), service.mask)) {
    silent = false;
    if (packet.kind === 'flush') {
      // The flush after the service line of HTTP is not the end.
      if (!announced) break;
      announced = false;
    }
    if (packet.kind !== 'data') continue;
    const text = textOf(packet.data);
    if (first && text.startsWith('# service=')) announced = true;
    if (announced || text === 'version 1') continue;
    if (first && text === 'version 2') version = 2;
    else if (version === 2) addCapability(capabilities, text);
    else {
      const [ref = '', list = ''] = text.split('\0');
      const [oid = '', name = ''] = ref.split(' ');
      if (first) for (const capability of list.split(' ')) addCapability(capabilities, capability);
      first = false;
      refuseSha256(capabilities, service.mask);
      // At the end a repository that is shallow itself says where; nothing of that is asked for.
      if (oid === 'shallow' && isObjectId(name)) continue;
      if (!isObjectId(oid)) throw notGit(`it answers ${quote(service.mask(text))}`);
      // In place of the refs, where there are none to list.
      if (name === 'capabilities^{}') continue;
      if (name === 'HEAD') head = oid;
      else if (name.endsWith('^{}')) {
        // A peeled tag follows the tag itself and takes its place.
        const plain = name.slice(0, -'^{}'.length);
        if (plain !== last) throw notGit(`its list of refs peels ${quote(service.mask(plain))}, which it does not name before`);
        const tag = refs.get(plain);
        if (tag === undefined) continue;
        tags.set(plain, tag);
        refs.set(plain, oid);
      } else if (name.startsWith('refs/') && isRefName(name)) refs.set(name, oid);
      last = name;
    }
    first = false;
  }
  refuseSha256(capabilities, service.mask);
  if (silent) throw notGit('it says nothing');
  const advertised = version === 2 ? undefined : { refs, tags, head, headRef: headTarget(capabilities) };
  return { version, capabilities, advertised };
}

/** Whether `command` of a version 2 server knows `feature`; a capability of a version 0 server. */
export function hasFeature({ version, capabilities }: Introduction, feature: string): boolean {
  return version === 2 ? (capabilities.get('fetch') ?? '').split(' ').includes(feature) : capabilities.has(feature);
}

export function isObjectId(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

function refuseSha256(capabilities: ReadonlyMap<string, string>, mask: Mask): void {
  const format = capabilities.get('object-format') ?? 'sha1';
  if (format === 'sha1') return;
  throw new PlumblineError({
    reason: 'NotSupported',
    message: `the repository names its objects by ${quote(mask(format))}, which this version does not know`,
  });
}

function headTarget(capabilities: ReadonlyMap<string, string>): string | undefined {
  const symref = capabilities.get('symref');
  const target = symref?.startsWith('HEAD:') === true ? symref.slice('HEAD:'.length) : undefined;
  return target !== undefined && isRefName(target) ? target : undefined;
}

function addCapability(capabilities: Map<string, string>, text: string): void {
  const at = text.indexOf('=');
  if (at < 0) capabilities.set(text, '');
  // Of several symrefs only HEAD's is asked for.
  else if (text.slice(0, at) !== 'symref' || text.startsWith('symref=HEAD:')) capabilities.set(text.slice(0, at), text.slice(at + 1));
}
