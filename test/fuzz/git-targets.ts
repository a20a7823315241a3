/** The parsers that a git server feeds. */
import { parseCommitInfo, parseCommitLinks, parseTagTarget, parseTree } from '../../operator/source/objects.ts';
import { applyDelta, deltaSizes } from '../../operator/source/pack-delta.ts';
import { Pacer } from '../../operator/source/pacer.ts';
import { readPack } from '../../operator/source/pack.ts';
import type { Choice } from '../../operator/source/pack.ts';
import { notGit, readPackets, textOf } from '../../operator/source/pktline.ts';
import { objectId, packet, realGit, someDelta, somePack, withChecksum } from './git-inputs.ts';
import { mustHold } from './target.ts';
import type { Dice, Target } from './target.ts';

const signal = new AbortController().signal;
const limits = { fileBytes: 1_500, packBytes: 100_000, objects: 500, keptBytes: 60_000, deltaChain: 20 };
const held = { read: () => undefined };
const pacer = new Pacer();
const oid = /^[0-9a-f]{40}$/;

/** In pieces of one size, as a network might give them. */
export async function* pieces(bytes: Buffer, dice: Dice): AsyncGenerator<Buffer> {
  const size = dice.pick([1, 3, 7, 64, 1_000, 65_536]);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const packets: Target = {
  name: 'pkt-line',
  words: [
    '0000',
    '0001',
    '0002',
    '0003',
    '0004',
    '0005',
    'fff0',
    'ffff',
    'FFFF',
    '00zz',
    'ERR ',
    '\u0001',
    '\u0002',
    '\u0003',
    '-001',
    ' 4f2',
    '0x10',
  ],
  seeds: async (place) => {
    const { advertisements, lsRefs, fetched } = await realGit(place);
    return [...advertisements, lsRefs, fetched];
  },
  generate: (dice) =>
    Buffer.concat(
      Array.from({ length: 1 + dice.below(8) }, () => {
        if (dice.oneIn(4)) return Buffer.from(dice.pick(['0000', '0001', '0002', '0003', '0004', 'ERR ']));
        const one = packet(dice.oneIn(10) ? `ERR ${dice.bytes(20).toString('latin1')}` : dice.bytes(dice.below(100)));
        return dice.oneIn(10) ? one.subarray(0, dice.below(one.length)) : one;
      }),
    ),
  async parse(input, dice) {
    let length = 0;
    for await (const one of readPackets(pieces(input, dice))) {
      length += 4;
      if (one.kind !== 'data') continue;
      length += one.data.length;
      mustHold(one.data.length <= 65_531, 'a packet over the longest');
      textOf(one.data);
    }
    mustHold(length === input.length, 'packets that are not the input');
  },
};

const pack: Target = {
  name: 'pack',
  words: [
    'PACK',
    '\u0000\u0000\u0000\u0002',
    '\u00ff\u00ff\u00ff\u00ff',
    '\u0078\u009c',
    '\u0078\u0001',
    '\u0060',
    '\u0070',
    '\u00e0\u0080\u0080\u0080',
  ],
  seeds: async (place) => (await realGit(place)).packs,
  generate: somePack,
  mend: (input) => withChecksum(input.subarray(0, Math.max(0, input.length - 20))),
  async parse(input, dice) {
    const choice = dice.pick<Choice | undefined>(['all', 'none', undefined, new Set(['a'.repeat(40)])]);
    const { objects } = await readPack(pieces(input, dice), { limits, signal, held, pacer, choose: () => choice });
    for (const [id, { type, data }] of objects) {
      mustHold(objectId(type, data) === id, 'an object whose id is another');
      mustHold(data.length <= limits.fileBytes, 'an object over the limit');
    }
  },
};

/** The base is before the delta: two bytes of its length, then its bytes. */
const delta: Target = {
  name: 'delta',
  words: ['\u0080', '\u0090', '\u00ff', '\u0000', '\u007f', '\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f'],
  seeds: async () => {
    const base = Buffer.from(Array.from({ length: 300 }, (_, index) => index & 255));
    const copies = Buffer.from([0xac, 0x02, 0xae, 0x02, 0xb1, 0, 0x2c, 0x01, 2, 1, 2]);
    return [Buffer.concat([Buffer.from([1, 44]), base, copies])];
  },
  generate(dice) {
    const base = dice.bytes(dice.below(400));
    return Buffer.concat([Buffer.from([base.length >> 8, base.length & 255]), base, someDelta(base.length, dice)]);
  },
  parse(input) {
    const length = Math.min(input.length < 2 ? 0 : input.readUInt16BE(), Math.max(0, input.length - 2));
    const [base, instructions] = [input.subarray(2, 2 + length), input.subarray(2 + length)];
    const { resultSize } = deltaSizes(instructions);
    // Who applies one looks at this first.
    if (resultSize > 1_000_000) throw notGit('over the limit');
    mustHold(applyDelta(base, instructions).length === resultSize, 'a result that is not of its size');
  },
};

const tree: Target = {
  name: 'tree',
  words: ['100644 ', '40000 ', '120000 ', '160000 ', '\u0000', '/', '..', '.git', '\u00ff', '\u00c3(', '\n'],
  seeds: async (place) => (await realGit(place)).trees,
  generate: (dice) =>
    Buffer.concat(
      Array.from({ length: dice.below(8) }, () =>
        Buffer.concat([
          Buffer.from(`${dice.pick(['100644', '100755', '40000', '040000', '120000', '160000', '0', '', '99999999999'])} `),
          dice.oneIn(8) ? dice.bytes(dice.below(300)) : Buffer.from(dice.pick(['web.yaml', '..', '.', 'a/b', '', 'été', 'a\tb'])),
          Buffer.from([0]),
          dice.bytes(dice.oneIn(20) ? dice.below(25) : 20),
        ]),
      ),
    ),
  parse(input) {
    for (const entry of parseTree(input)) {
      mustHold(oid.test(entry.oid), 'an object id that is none');
      mustHold(entry.name !== '' && !/[/\0]/.test(entry.name), 'a name that is none');
    }
  },
};

/** Header lines, then a message. */
function someObject(names: readonly string[], dice: Dice): Buffer {
  const value = (): Buffer =>
    dice.pick<() => Buffer>([
      () => Buffer.from('4b825dc642cb6eb9a060e54bf8d69288fbee4904'),
      () => Buffer.from(`A <a@example.com> ${dice.pick(['1', '-1', '99999999999999999999', 'x', '8640000000001'])} +0000`),
      () => Buffer.from('> '.repeat(dice.below(200))),
      () => Buffer.from('< >< '.repeat(dice.below(200))),
      () => dice.bytes(dice.below(80)),
    ])();
  const lines = Array.from({ length: dice.below(12) }, () => [
    Buffer.from(`${dice.pick([...names, '', ' ', 'gpgsig', 'x'])}${dice.pick([' ', '', '  '])}`),
    value(),
    Buffer.from('\n'),
  ]).flat();
  return Buffer.concat([...lines, Buffer.from(dice.pick(['\n', '', '\n\n'])), dice.bytes(dice.below(100))]);
}

function checkPlain(text: string): void {
  mustHold(text.length <= 200, 'a text for people that is too long');
  mustHold(!/\p{C}/u.test(text), 'a text for people with what moves a cursor');
}

const commit: Target = {
  name: 'commit',
  words: ['tree ', 'parent ', 'author ', 'committer ', '\n\n', '\n ', ' <', '> ', '\u0000', '\u202e', '\ud83d'],
  seeds: async (place) => (await realGit(place)).commits,
  generate: (dice) => someObject(['tree', 'parent', 'author', 'committer', 'encoding', 'mergetag'], dice),
  parse(input) {
    const { subject, author, time } = parseCommitInfo('0'.repeat(40), input);
    checkPlain(subject);
    checkPlain(author);
    mustHold(/^[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(time), `a time that is none: ${time}`);
    const links = parseCommitLinks(input);
    mustHold(
      [links.tree, ...links.parents].every((id) => oid.test(id)),
      `a link that is no object id: ${JSON.stringify(links)}`,
    );
  },
};

const tag: Target = {
  name: 'tag',
  words: ['object ', 'type commit', 'tag ', 'tagger ', '\n\n', '\u0000'],
  seeds: async (place) => (await realGit(place)).tags,
  generate: (dice) => someObject(['object', 'type', 'tag', 'tagger'], dice),
  parse(input) {
    const target = parseTagTarget(input);
    mustHold(oid.test(target), `a target that is no object id: ${JSON.stringify(target)}`);
  },
};

export const gitTargets: readonly Target[] = [packets, pack, delta, tree, commit, tag];
