/** What a git server answers to whole requests: who it is, its refs, a pack in bands. */
import type { Answer, Transport } from '../../operator/source/http.ts';
import { discover, fetchCommit, lsRefs } from '../../operator/source/protocol.ts';
import type { RemoteRefs } from '../../operator/source/types.ts';
import { packet, realGit, somePack } from './git-inputs.ts';
import { pieces } from './git-targets.ts';
import { mustHold } from './target.ts';
import type { Dice, Target } from './target.ts';

const signal = new AbortController().signal;
const url = new URL('http://git.example.com/shop.git');
const refsBytes = 100_000;

/** Answers everything with these bytes, as if a server had sent them. */
function answering(input: Buffer, dice: Dice): Transport {
  const answer = (at: URL, kind: string): Promise<Answer> =>
    Promise.resolve({ url: at, contentType: `application/x-git-upload-pack-${kind}`, body: pieces(input, dice) });
  return { get: (at) => answer(at, 'advertisement'), post: (at) => answer(at, 'result'), close: () => Promise.resolve() };
}

function checkRefs({ refs, tags, head }: RemoteRefs): void {
  const ids = [...refs.values(), ...tags.values(), ...(head === undefined ? [] : [head])];
  mustHold(
    ids.every((id) => /^[0-9a-f]{40}$/.test(id)),
    `an object id that is none: ${JSON.stringify(ids)}`,
  );
  mustHold(
    [...tags.keys()].every((name) => refs.has(name)),
    'a tag that is no ref',
  );
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
    const { version, advertised } = await discover(answering(input, dice), url, refsBytes, signal);
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
    const server = { version: 2, uploadPack: url, capabilities: new Map(), advertised: undefined } as const;
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
    const server = { version, uploadPack: url, capabilities, advertised: undefined } as const;
    let bytes = 0;
    for await (const piece of fetchCommit(answering(input, dice), server, id, 1_000, signal)) bytes += piece.length;
    mustHold(bytes <= input.length, 'more than was sent');
  },
};

export const serverTargets: readonly Target[] = [advertisement, refs, fetched];
