import { describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { introduce } from '../../operator/source/introduction.ts';
import type { Introduction } from '../../operator/source/introduction.ts';
import { noMask } from '../../operator/source/mask.ts';
import { flush, line } from '../../operator/source/pktline.ts';
import { lsRefs } from '../../operator/source/protocol.ts';
import { resolveRef } from '../../operator/source/refs.ts';
import type { Service } from '../../operator/source/service.ts';

const { signal } = new AbortController();
const [one, two] = ['1'.repeat(40), '2'.repeat(40)];
const refsBytes = 10_000;

/** A server that says these lines, whatever it is asked. */
function saying(...lines: readonly string[]): Service {
  const body = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.concat([...lines.map(line), flush]);
  };
  return { where: 'x', mask: noMask, introduce: async () => body(), ask: async () => body(), close: async () => {} };
}

const advertised = async (...lines: string[]): Promise<Introduction> => introduce(saying(...lines), refsBytes, signal);

describe('refs of a server of version 0', () => {
  test('a tag is followed by what it leads to', async () => {
    const { refs, tags } = (await advertised(`${one} refs/tags/v1\0`, `${two} refs/tags/v1^{}`)).advertised ?? {};
    expect([refs?.get('refs/tags/v1'), tags?.get('refs/tags/v1')]).toEqual([two, one]);
  });

  test('there may be none', async () => {
    const { advertised: refs } = await advertised(`${'0'.repeat(40)} capabilities^{}\0side-band-64k`);
    expect(() => refs && resolveRef(refs, {})).toThrow(
      new PlumblineError({ reason: 'EmptyRepository', message: 'the repository has no commit yet' }),
    );
  });

  test.each([
    ['nothing before it', [`${two} refs/tags/v1^{}\0`]],
    ['another tag before it', [`${one} refs/tags/v2\0`, `${two} refs/tags/v1^{}`]],
    ['its own tag before another', [`${one} refs/tags/v1\0`, `${one} refs/tags/v2`, `${two} refs/tags/v1^{}`]],
  ])('that a tag leads somewhere is not believed with %s', async (_what, lines) => {
    await expect(advertised(...lines)).rejects.toThrow('its list of refs peels refs/tags/v1, which it does not name before');
  });
});

test('a name that git lets no ref have is none, and its characters reach no message', async () => {
  const bad = 'refs/tags/v1\u000e0';
  const old = (await advertised(`${one} ${bad}\0symref=HEAD:refs/heads/\u001b[2J`, `${two} ${bad}^{}`, `${two} refs/tags/v2\u202e`))
    .advertised;
  const server: Introduction = { version: 2, capabilities: new Map(), advertised: undefined };
  const lines = [`${one} HEAD symref-target:refs/heads/a\u0007b`, `${one} ${bad} peeled:${two}`, `${two} refs/tags/v2\u202e`];
  const now = await lsRefs(saying(...lines), server, [], refsBytes, signal);
  for (const refs of [old, now]) {
    expect([...(refs?.refs.keys() ?? [])]).toEqual(['refs/tags/v2\u202e']);
    expect([refs?.headRef, refs?.tags.size]).toEqual([undefined, 0]);
    expect(() => refs && resolveRef(refs, { tag: 'v1' })).toThrow(
      new PlumblineError({ reason: 'RefNotFound', message: 'tag v1 is not in the repository; there is v2\ufffd' }),
    );
  }
});
