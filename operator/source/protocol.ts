/**
 * The smart HTTP protocol of git: gitprotocol-http(5), version 2 as gitprotocol-v2(5), and version 0
 * (gitprotocol-pack(5)) for servers that know no better. Only what a reader of one commit needs.
 */
import { PlumblineError } from '../errors.ts';
import { beginningOf } from './http.ts';
import type { Answer, Transport } from './http.ts';
import { quote } from './http-errors.ts';
import { delimiter, flush, line, notGit, readPackets, textOf } from './pktline.ts';
import type { Packet } from './pktline.ts';
import type { RemoteRefs } from './types.ts';
import { showUrl } from './url.ts';

const agent = 'agent=plumbline';

/** A server that has introduced itself. */
export interface Server {
  readonly version: 0 | 2;
  /** Where to post to. */
  readonly uploadPack: URL;
  /** Name → value; for version 2 the commands with their features. */
  readonly capabilities: ReadonlyMap<string, string>;
  /** What a server of version 0 tells unasked. */
  readonly advertised: RemoteRefs | undefined;
}

/** Asks a server what it is. `refsBytes` bounds what a server of version 0 may tell with it. */
export async function discover(transport: Transport, url: URL, refsBytes: number, signal: AbortSignal): Promise<Server> {
  const base = new URL(url);
  base.pathname = base.pathname.replace(/\/+$/, '');
  const infoRefs = new URL(base);
  infoRefs.pathname += '/info/refs';
  infoRefs.search = '?service=git-upload-pack';
  const answer = await transport.get(infoRefs, { 'git-protocol': 'version=2' }, signal);
  if (!answer.contentType.startsWith('application/x-git-upload-pack-advertisement')) throw await notSmart(answer, url);
  if (!answer.url.pathname.endsWith('/info/refs')) throw notGit(`it redirects to ${showUrl(answer.url)}`);
  const uploadPack = new URL(answer.url);
  uploadPack.pathname = uploadPack.pathname.replace(/\/info\/refs$/, '/git-upload-pack');
  uploadPack.search = '';
  return introduction(readPackets(capped(answer.body, refsBytes, 'its list of refs')), uploadPack);
}

/** HEAD, the branches, and what `prefixes` names (default: the tags). */
export async function lsRefs(
  transport: Transport,
  server: Server,
  prefixes: readonly string[],
  refsBytes: number,
  signal: AbortSignal,
): Promise<RemoteRefs> {
  if (server.advertised !== undefined) return server.advertised;
  const wanted = ['HEAD', 'refs/heads/', ...prefixes];
  const body = command(server, 'ls-refs', ['peel', 'symrefs', ...wanted.map((prefix) => `ref-prefix ${prefix}`)]);
  const answer = await post(transport, server, body, signal);
  const refs = new Map<string, string>();
  const tags = new Map<string, string>();
  let head: string | undefined;
  let headRef: string | undefined;
  for await (const packet of readPackets(capped(answer.body, refsBytes, 'its list of refs'))) {
    if (packet.kind !== 'data') break;
    const [oid = '', name = '', ...attributes] = textOf(packet.data).split(' ');
    const peeled = attributes.find((attribute) => attribute.startsWith('peeled:'))?.slice('peeled:'.length);
    if (!isObjectId(oid) || (peeled !== undefined && !isObjectId(peeled))) throw notGit(`its list of refs holds ${quote(peeled ?? oid)}`);
    if (name === 'HEAD') {
      head = oid;
      headRef = attributes.find((attribute) => attribute.startsWith('symref-target:'))?.slice('symref-target:'.length);
    } else {
      refs.set(name, peeled ?? oid);
      if (peeled !== undefined) tags.set(name, oid);
    }
  }
  return { refs, tags, head, headRef };
}

/**
 * The pack that holds one commit with everything in it and nothing before it, as it comes.
 * A server that can leaves files over `fileBytes` out. Throws ServerError for a commit the server does not give.
 */
export async function* fetchCommit(
  transport: Transport,
  server: Server,
  commit: string,
  fileBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  if (server.version === 2) {
    const filter = hasFeature(server, 'filter') ? [`filter blob:limit=${fileBytes + 1}`] : [];
    const body = command(server, 'fetch', ['no-progress', 'ofs-delta', `want ${commit}`, 'deepen 1', ...filter, 'done']);
    const packets = readPackets((await post(transport, server, body, signal)).body);
    if (!(await skipToPack(packets))) throw notGit('it sends no pack');
    yield* sideBand(packets);
    return;
  }
  for (const needed of ['shallow', 'side-band-64k']) {
    if (!server.capabilities.has(needed)) throw notGit(`it does not know ${needed}; it is too old`);
  }
  const body = Buffer.concat([line(`want ${commit} side-band-64k ofs-delta no-progress ${agent}`), line('deepen 1'), flush, line('done')]);
  const packets = readPackets((await post(transport, server, body, signal)).body);
  for (let next = await packets.next(); next.done !== true; next = await packets.next()) {
    if (next.value.kind !== 'data') continue;
    const text = textOf(next.value.data);
    if (text.startsWith('shallow ') || text.startsWith('unshallow ')) continue;
    if (text !== 'NAK' && !text.startsWith('ACK ')) throw notGit(`it answers ${quote(text)}`);
    yield* sideBand(packets);
    return;
  }
  throw notGit('it sends no pack');
}

/**
 * What the server knows of `ancestor` when it is asked for `commit`: `unrelated` when it does not have it or cannot
 * get from the one to the other; else the pack of the commits between, which the caller looks through. A server marks the
 * parents of what a client has as had too, so an amended commit is `related` until its parents are read.
 * undefined when a server of version 0 would have to be asked.
 */
export async function askDescent(
  transport: Transport,
  server: Server,
  commit: string,
  ancestor: string,
  signal: AbortSignal,
): Promise<'unrelated' | { readonly pack: AsyncGenerator<Buffer> } | undefined> {
  if (server.version !== 2) return undefined;
  const filter = hasFeature(server, 'filter') ? ['filter tree:0'] : [];
  const body = command(server, 'fetch', ['no-progress', 'ofs-delta', `want ${commit}`, `have ${ancestor}`, ...filter]);
  const packets = readPackets((await post(transport, server, body, signal)).body);
  return (await skipToPack(packets)) ? { pack: sideBand(packets) } : 'unrelated';
}

/** Reads on to the section `packfile` of a version 2 answer; false when the answer is over before. */
async function skipToPack(packets: AsyncGenerator<Packet>): Promise<boolean> {
  for (let next = await packets.next(); next.done !== true; next = await packets.next()) {
    if (next.value.kind === 'data' && textOf(next.value.data) === 'packfile') return true;
    if (next.value.kind === 'flush') return false;
  }
  return false;
}

async function introduction(packets: AsyncGenerator<Packet>, uploadPack: URL): Promise<Server> {
  const capabilities = new Map<string, string>();
  const refs = new Map<string, string>();
  const tags = new Map<string, string>();
  let version: 0 | 2 = 0;
  let head: string | undefined;
  let first = true;
  let service = false;
  for await (const packet of packets) {
    if (packet.kind === 'flush') {
      // The flush after the service line is not the end.
      if (!service) break;
      service = false;
    }
    if (packet.kind !== 'data') continue;
    const text = textOf(packet.data);
    if (first && text.startsWith('# service=')) service = true;
    if (service || text === 'version 1') continue;
    if (first && text === 'version 2') version = 2;
    else if (version === 2) addCapability(capabilities, text);
    else {
      const [ref = '', list = ''] = text.split('\0');
      const [oid = '', name = ''] = ref.split(' ');
      if (!isObjectId(oid)) throw notGit(`it answers ${quote(text)}`);
      if (first) for (const capability of list.split(' ')) addCapability(capabilities, capability);
      if (name === 'HEAD') head = oid;
      else if (name.startsWith('refs/')) {
        // A peeled tag follows the tag itself and takes its place.
        const plain = name.replace(/\^\{\}$/, '');
        const tag = refs.get(plain);
        if (plain !== name && tag !== undefined) tags.set(plain, tag);
        refs.set(plain, oid);
      }
    }
    first = false;
  }
  const format = capabilities.get('object-format') ?? 'sha1';
  if (format !== 'sha1') {
    throw new PlumblineError({
      reason: 'NotSupported',
      message: `the repository names its objects by ${quote(format)}, which this version does not know`,
    });
  }
  if (version === 2) return { version, uploadPack, capabilities, advertised: undefined };
  return { version, uploadPack, capabilities, advertised: { refs, tags, head, headRef: headTarget(capabilities) } };
}

function headTarget(capabilities: ReadonlyMap<string, string>): string | undefined {
  const symref = capabilities.get('symref');
  return symref?.startsWith('HEAD:') ? symref.slice('HEAD:'.length) : undefined;
}

function addCapability(capabilities: Map<string, string>, text: string): void {
  const at = text.indexOf('=');
  if (at < 0) capabilities.set(text, '');
  // Of several symrefs only HEAD's is asked for.
  else if (text.slice(0, at) !== 'symref' || text.startsWith('symref=HEAD:')) capabilities.set(text.slice(0, at), text.slice(at + 1));
}

function hasFeature(server: Server, feature: string): boolean {
  return (server.capabilities.get('fetch') ?? '').split(' ').includes(feature);
}

function command(server: Server, name: string, args: readonly string[]): Buffer {
  const format = server.capabilities.has('object-format') ? [line('object-format=sha1')] : [];
  return Buffer.concat([line(`command=${name}`), line(agent), ...format, delimiter, ...args.map(line), flush]);
}

async function post(transport: Transport, server: Server, body: Buffer, signal: AbortSignal): Promise<Answer> {
  const headers = {
    'content-type': 'application/x-git-upload-pack-request',
    accept: 'application/x-git-upload-pack-result',
    ...(server.version === 2 ? { 'git-protocol': 'version=2' } : {}),
  };
  const answer = await transport.post(server.uploadPack, body, headers, signal);
  if (!answer.contentType.startsWith('application/x-git-upload-pack-result')) throw await notSmart(answer, server.uploadPack);
  return answer;
}

/** Band 1 is the pack, 2 is for people who watch, 3 is the server giving up. */
async function* sideBand(packets: AsyncGenerator<Packet>): AsyncGenerator<Buffer> {
  for await (const packet of packets) {
    if (packet.kind !== 'data') return;
    const band = packet.data[0];
    if (band === 1) yield packet.data.subarray(1);
    else if (band === 3)
      throw new PlumblineError({ reason: 'GitError', message: `the git server gave up: ${quote(packet.data.toString('utf8', 1))}` });
    else if (band !== 2) throw notGit('it sends what belongs to no band');
  }
}

async function* capped(body: AsyncIterable<Buffer>, bytes: number, what: string): AsyncGenerator<Buffer> {
  let seen = 0;
  for await (const chunk of body) {
    seen += chunk.length;
    if (seen > bytes) throw new PlumblineError({ reason: 'RepositoryTooLarge', message: `${what} is over ${bytes} bytes` });
    yield chunk;
  }
}

async function notSmart(answer: Answer, url: URL): Promise<PlumblineError> {
  const words = quote(await beginningOf(answer));
  return new PlumblineError({
    reason: 'GitError',
    message: `${showUrl(url)} answers with ${quote(answer.contentType) || 'no content type'} instead of git${words === '' ? '' : `: ${words}`}`,
    remedy: 'Check spec.url: it must be the URL that `git clone` takes.',
  });
}

function isObjectId(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}
