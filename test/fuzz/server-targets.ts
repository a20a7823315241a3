/** What a git server answers to whole requests: who it is, its refs, a pack in bands. */
import { introduce } from '../../operator/source/introduction.ts';
import { noMask } from '../../operator/source/mask.ts';
import { isRefName } from '../../operator/source/names.ts';
import { fetchPack, lsRefs } from '../../operator/source/protocol.ts';
import type { Service } from '../../operator/source/service.ts';
import type { RemoteRefs } from '../../operator/source/types.ts';
import { packet, realGit, somePack } from './git-inputs.ts';
import { pieces } from './git-targets.ts';
import { mustHold } from './target.ts';
import type { Dice, Target } from './target.ts';

const signal = new AbortController().signal;
const refsBytes = 100_000;

/** Answers everything with these bytes, as if a server had sent them. */
function answering(input: Buffer, dice: Dice): Service {
  const answer = (): Promise<AsyncIterable<Buffer>> => Promise.resolve(pieces(input, dice));
  return { where: 'http://git.example.com/shop.git', mask: noMask, introduce: answer, ask: answer, close: () => Promise.resolve() };
}

function checkRefs({ refs, tags, head, headRef }: RemoteRefs): void {
  const ids = [...refs.values(), ...tags.values(), ...(head === undefined ? [] : [head])];
  mustHold(
    ids.every((id) => /^[0-9a-f]{40}$/.test(id)),
    `an object id that is none: ${JSON.stringify(ids)}`,
  );
  mustHold(
    [...tags.keys()].every((name) => refs.has(name)),
    'a tag that is no ref',
  );
  const names = [...refs.keys(), ...(headRef === undefined ? [] : [headRef])];
  mustHold(names.every(isRefName), `a name that no ref may have: ${JSON.stringify(names)}`);
}

const id = 'a'.repeat(40);

function someLines(dice: Dice, lines: readonly (() => string)[]): Buffer {
  const parts: Buffer[] = [];
  for (let count = dice.below(8); count >= 0; count -= 1) {
    parts.push(
      dice.oneIn(10) ? Buffer.from(dice.pick(['0000', '0001', '0002'])) : packet(`${dice.pick(lines)()}${dice.oneIn(5) ? '' : '\n'}`),
    );
  }
  return Buffer.concat([...parts, Buffer.from(dice.oneIn(8) ? '' : '0000')]);
}

function someName(dice: Dice): string {
  return dice.pick([
    'HEAD',
    'refs/heads/main',
    'refs/tags/v1',
    'refs/tags/v1^{}',
    'refs/',
    '',
    dice.bytes(10).toString('latin1'),
    `refs/heads/${'x'.repeat(300)}`,
  ]);
}

const advertisement: Target = {
  name: 'advertisement',
  words: [
    'version 2',
    'version 1',
    '# service=git-upload-pack',
    '\u0000',
    'symref=HEAD:',
    'object-format=sha256',
    'object-format=sha1',
    'fetch=',
    '^{}',
    id,
    'shallow ',
  ],
  seeds: async (place) => (await realGit(place)).advertisements,
  generate: (dice) =>
    someLines(dice, [
      () => '# service=git-upload-pack',
      () => `version ${dice.below(4)}`,
      () => dice.pick(['agent=git/2', 'ls-refs=unborn', 'fetch=shallow filter', 'object-format=sha1', 'object-format=md5', '=', 'a=b=c']),
      () => `${id} ${someName(dice)}`,
      () => `${id} ${someName(dice)}\0 shallow side-band-64k symref=HEAD:${someName(dice)}`,
    ]),
  async parse(input, dice) {
    const { version, advertised } = await introduce(answering(input, dice), refsBytes, signal);
    if (version === 0 && advertised !== undefined) checkRefs(advertised);
  },
};

const refs: Target = {
  name: 'ls-refs',
  words: [' peeled:', ' symref-target:', 'refs/tags/', 'HEAD', 'unborn ', id],
  seeds: async (place) => [(await realGit(place)).lsRefs],
  generate: (dice) =>
    someLines(dice, [
      () => `${id} ${someName(dice)}`,
      () => `${id} ${someName(dice)} peeled:${dice.pick([id, '', 'x', id.slice(1), `${id}a`])}`,
      () => `${id} HEAD symref-target:${someName(dice)}`,
      () => `unborn HEAD symref-target:${someName(dice)}`,
    ]),
  async parse(input, dice) {
    const server = { version: 2, capabilities: new Map(), advertised: undefined } as const;
    checkRefs(await lsRefs(answering(input, dice), server, ['refs/tags/'], refsBytes, signal));
  },
};

const fetched: Target = {
  name: 'fetch',
  words: ['packfile\n', 'shallow-info\n', 'acknowledgments\n', 'NAK\n', 'ACK ', 'shallow ', '\u0001', '\u0002', '\u0003', '0001', '0000'],
  seeds: async (place) => [(await realGit(place)).fetched],
  generate(dice) {
    const pack = somePack(dice);
    const at = dice.below(pack.length + 1);
    const band = (piece: Buffer): Buffer => packet(Buffer.concat([Buffer.from([dice.oneIn(8) ? dice.below(5) : 1]), piece]));
    const head = dice.pick([
      [packet('shallow-info\n'), packet(`shallow ${id}\n`), Buffer.from('0001'), packet('packfile\n')],
      [packet('packfile\n')],
      [packet('NAK\n')],
      [],
    ]);
    return Buffer.concat([...head, band(pack.subarray(0, at)), packet('\u0002counting'), band(pack.subarray(at)), Buffer.from('0000')]);
  },
  async parse(input, dice) {
    const version = dice.oneIn(4) ? 0 : 2;
    const capabilities = new Map(
      version === 0
        ? [
            ['shallow', ''],
            ['side-band-64k', ''],
          ]
        : [['fetch', 'shallow']],
    );
    const server = { version, capabilities, advertised: undefined } as const;
    let bytes = 0;
    const answer = await fetchPack(answering(input, dice), server, { wants: [id], depth: 1, tentative: dice.oneIn(4) }, signal);
    if (answer === undefined) return;
    for await (const piece of answer.pack) bytes += piece.length;
    mustHold(bytes <= input.length, 'more than was sent');
  },
};

export const serverTargets: readonly Target[] = [advertisement, refs, fetched];
