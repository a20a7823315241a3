/** Requests to a git server and their answers: gitprotocol-v2(5), and gitprotocol-pack(5) for servers that know no better. */
import { quote } from './http-errors.ts';
import { isObjectId } from './introduction.ts';
import type { Introduction } from './introduction.ts';
import type { Mask } from './mask.ts';
import { capped, delimiter, flush, line, notGit, PacketStream, readPackets, textOf } from './pktline.ts';
import type { Service } from './service.ts';
import type { RemoteRefs } from './types.ts';

const agent = 'agent=plumbline';

/** HEAD, the branches, and what `prefixes` names. A server of version 0 has told all of them already. */
export async function lsRefs(
  service: Service,
  server: Introduction,
  prefixes: readonly string[],
  refsBytes: number,
  signal: AbortSignal,
): Promise<RemoteRefs> {
  if (server.advertised !== undefined) return server.advertised;
  const wanted = ['HEAD', 'refs/heads/', ...prefixes];
  const body = command(server, 'ls-refs', ['peel', 'symrefs', ...wanted.map((prefix) => `ref-prefix ${prefix}`)]);
  const answer = await service.ask(body, 2, signal);
  const refs = new Map<string, string>();
  const tags = new Map<string, string>();
  let head: string | undefined;
  let headRef: string | undefined;
  let ended = false;
  for await (const packet of readPackets(capped(answer, refsBytes, 'its list of refs'), service.mask)) {
    if (packet.kind !== 'data') {
      ended = true;
      break;
    }
    const [oid = '', name = '', ...attributes] = textOf(packet.data).split(' ');
    const peeled = attributes.find((attribute) => attribute.startsWith('peeled:'))?.slice('peeled:'.length);
    if (!isObjectId(oid) || (peeled !== undefined && !isObjectId(peeled)))
      throw notGit(`its list of refs holds ${quote(service.mask(peeled ?? oid))}`);
    if (name === 'HEAD') {
      head = oid;
      headRef = attributes.find((attribute) => attribute.startsWith('symref-target:'))?.slice('symref-target:'.length);
    } else {
      refs.set(name, peeled ?? oid);
      if (peeled !== undefined) tags.set(name, oid);
    }
  }
  // A list that is cut off between two lines would make branches disappear.
  if (!ended) throw notGit('its list of refs ends too early');
  return { refs, tags, head, headRef };
}

export interface FetchAsked {
  readonly wants: readonly string[];
  /** Commits that are there with all their folders. */
  readonly haves?: readonly string[];
  /** Of `haves`, those whose parents are not there. */
  readonly shallow?: readonly string[];
  /** Commits along each line of descent; undefined: all of them. */
  readonly depth?: number | undefined;
  /** What is left out, gitprotocol-v2(5) `filter`; only for a server that knows it. */
  readonly filter?: string | undefined;
  /** Whether the server may send nothing, because it has not found what is had. Version 2 only. */
  readonly tentative?: boolean;
}

export interface FetchAnswer {
  /** Commits at which the server stopped. */
  readonly cut: ReadonlySet<string>;
  readonly pack: AsyncGenerator<Buffer>;
}

/** A pack. undefined: nothing, where that was `tentative`. Throws ServerError for what the server does not give. */
export async function fetchPack(
  service: Service,
  server: Introduction,
  asked: FetchAsked,
  signal: AbortSignal,
): Promise<FetchAnswer | undefined> {
  const body = server.version === 2 ? requestV2(server, asked) : requestV0(server, asked);
  const packets = new PacketStream(await service.ask(body, server.version, signal), service.mask);
  const cut = new Set<string>();
  const found = server.version === 2 ? await skipToPackV2(packets, cut) : await skipToPackV0(packets, cut, service.mask);
  if (found) return { cut, pack: packets.pack() };
  await packets.cancel();
  if (asked.tentative !== true) throw notGit('it sends no pack');
  return undefined;
}

function requestV2(server: Introduction, asked: FetchAsked): Buffer {
  const { wants, haves = [], shallow = [], depth, filter, tentative = false } = asked;
  return command(server, 'fetch', [
    ...(haves.length === 0 ? [] : ['thin-pack']),
    'no-progress',
    'ofs-delta',
    ...wants.map((oid) => `want ${oid}`),
    ...shallow.map((oid) => `shallow ${oid}`),
    ...(depth === undefined ? [] : [`deepen ${depth}`]),
    ...(filter === undefined ? [] : [`filter ${filter}`]),
    ...haves.map((oid) => `have ${oid}`),
    ...(tentative ? [] : ['done']),
  ]);
}

function requestV0(server: Introduction, { wants, haves = [], shallow = [], depth, filter }: FetchAsked): Buffer {
  for (const needed of ['shallow', 'side-band-64k']) {
    if (!server.capabilities.has(needed)) throw notGit(`it does not know ${needed}; it is too old`);
  }
  const known = ['thin-pack', 'ofs-delta', 'no-progress', 'filter'].filter(
    (name) => server.capabilities.has(name) && (name !== 'thin-pack' || haves.length > 0) && (name !== 'filter' || filter !== undefined),
  );
  const [first = '', ...others] = wants;
  return Buffer.concat([
    line(`want ${first} side-band-64k ${known.join(' ')} ${agent}`),
    ...others.map((oid) => line(`want ${oid}`)),
    ...shallow.map((oid) => line(`shallow ${oid}`)),
    ...(depth === undefined ? [] : [line(`deepen ${depth}`)]),
    ...(filter === undefined ? [] : [line(`filter ${filter}`)]),
    flush,
    ...haves.map((oid) => line(`have ${oid}`)),
    line('done'),
  ]);
}

/** Reads on to the section `packfile`; false when the answer is over before. */
async function skipToPackV2(packets: PacketStream, cut: Set<string>): Promise<boolean> {
  for (let packet = await packets.next(); packet !== undefined; packet = await packets.next()) {
    if (packet.kind === 'flush') return false;
    if (packet.kind !== 'data') continue;
    const text = textOf(packet.data);
    if (text === 'packfile') return true;
    if (text.startsWith('shallow ')) cut.add(text.slice('shallow '.length));
  }
  return false;
}

async function skipToPackV0(packets: PacketStream, cut: Set<string>, mask: Mask): Promise<boolean> {
  for (let packet = await packets.next(); packet !== undefined; packet = await packets.next()) {
    if (packet.kind !== 'data') continue;
    const text = textOf(packet.data);
    if (text.startsWith('shallow ')) cut.add(text.slice('shallow '.length));
    else if (text === 'NAK' || text.startsWith('ACK ')) return true;
    else if (!text.startsWith('unshallow ')) throw notGit(`it answers ${quote(mask(text))}`);
  }
  return false;
}

function command(server: Introduction, name: string, args: readonly string[]): Buffer {
  const format = server.capabilities.has('object-format') ? [line('object-format=sha1')] : [];
  return Buffer.concat([line(`command=${name}`), line(agent), ...format, delimiter, ...args.map(line), flush]);
}

/** Whether objects that no ref points at can be asked for by their id: a server of version 0 allows that where it is told to, and does not say so. */
export function givesById(server: Introduction): boolean {
  return server.version === 2;
}
