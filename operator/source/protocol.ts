/** Requests to a git server and their answers: gitprotocol-v2(5), and gitprotocol-pack(5) for servers that know no better. */
import { quote } from './http-errors.ts';
import { isObjectId } from './introduction.ts';
import type { Introduction } from './introduction.ts';
import { sizeText } from './limits.ts';
import type { Mask } from './mask.ts';
import { PlumblineError } from '../errors.ts';
import { isRefName } from './names.ts';
import { capped, delimiter, flush, line, notGit, PacketStream, readPackets, textOf } from './pktline.ts';
import type { Packet } from './pktline.ts';
import type { Service } from './service.ts';
import type { RemoteRefs } from './types.ts';
import type { Meter } from './watched.ts';

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
      const target = attributes.find((attribute) => attribute.startsWith('symref-target:'))?.slice('symref-target:'.length);
      headRef = target !== undefined && isRefName(target) ? target : undefined;
    } else if (isRefName(name)) {
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

/** What an answer may say before its pack: the commits at which it stops are far fewer in any repository. */
const maxCut = 50_000;
const prefaceBytes = 4 * 1024 * 1024;

/**
 * A pack. undefined: nothing, where that was `tentative`. `meter` is told how what comes before the pack gets on. Throws
 * ServerError for what the server does not give; PlumblineError GitError, RepositoryTooLarge.
 */
export async function fetchPack(
  service: Service,
  server: Introduction,
  asked: FetchAsked,
  signal: AbortSignal,
  meter?: Meter,
): Promise<FetchAnswer | undefined> {
  const body = server.version === 2 ? requestV2(server, asked) : requestV0(server, asked);
  const packets = new PacketStream(await service.ask(body, server.version, signal), service.mask);
  const cut = new Set<string>();
  let found = false;
  try {
    const skip = server.version === 2 ? skipToPackV2 : skipToPackV0;
    found = await skip(preface(packets, meter), cut, service.mask);
  } finally {
    if (!found) await packets.cancel();
  }
  if (found) return { cut, pack: packets.pack() };
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

/** The packets before a pack, bounded. */
async function* preface(packets: PacketStream, meter: Meter | undefined): AsyncGenerator<Packet> {
  for (let bytes = 0; ;) {
    let came = 0;
    let packet;
    meter?.waiting();
    try {
      packet = await packets.next();
      came = packet === undefined ? 0 : 4 + (packet.kind === 'data' ? packet.data.length : 0);
    } finally {
      meter?.came(came);
    }
    if (packet === undefined) return;
    bytes += came;
    if (bytes > prefaceBytes) throw tooMuch(`what it says before its pack is over ${sizeText(prefaceBytes)}`);
    yield packet;
  }
}

/** Reads on to the section `packfile`; false when the answer is over before. */
async function skipToPackV2(packets: AsyncIterable<Packet>, cut: Set<string>, mask: Mask): Promise<boolean> {
  for await (const packet of packets) {
    if (packet.kind === 'flush') return false;
    if (packet.kind !== 'data') continue;
    const text = textOf(packet.data);
    if (text === 'packfile') return true;
    if (text.startsWith('shallow ')) noteCut(cut, text, mask);
  }
  return false;
}

async function skipToPackV0(packets: AsyncIterable<Packet>, cut: Set<string>, mask: Mask): Promise<boolean> {
  for await (const packet of packets) {
    if (packet.kind !== 'data') continue;
    const text = textOf(packet.data);
    if (text.startsWith('shallow ')) noteCut(cut, text, mask);
    else if (text === 'NAK' || text.startsWith('ACK ')) return true;
    else if (!text.startsWith('unshallow ')) throw notGit(`it answers ${quote(mask(text))}`);
  }
  return false;
}

function noteCut(cut: Set<string>, text: string, mask: Mask): void {
  const oid = text.slice('shallow '.length);
  if (!isObjectId(oid)) throw notGit(`it answers ${quote(mask(text))}`);
  cut.add(oid);
  if (cut.size > maxCut) throw tooMuch(`it stops at over ${maxCut} commits`);
}

function tooMuch(message: string): PlumblineError {
  return new PlumblineError({ reason: 'RepositoryTooLarge', message });
}

function command(server: Introduction, name: string, args: readonly string[]): Buffer {
  const format = server.capabilities.has('object-format') ? [line('object-format=sha1')] : [];
  return Buffer.concat([line(`command=${name}`), line(agent), ...format, delimiter, ...args.map(line), flush]);
}

/** Whether objects that no ref points at can be asked for by their id: a server of version 0 allows that where it is told to, and does not say so. */
export function givesById(server: Introduction): boolean {
  return server.version === 2;
}
