import { expect, test } from '@jest/globals';
import { Endpoints } from '../../operator/notify/endpoints.ts';
import type { EndpointLimits, Standing } from '../../operator/notify/endpoints.ts';

const { signal } = new AbortController();
type Asked = readonly [name: string, server: string, namespace: string, standing?: Standing];

/** Who is asked in which order, where each that runs ends before the next one is looked at. */
async function orderOf(limits: EndpointLimits, asked: readonly Asked[]): Promise<readonly string[]> {
  const endpoints = new Endpoints(limits);
  const began: string[] = [];
  const gate = Promise.withResolvers<void>();
  const works = asked.map(([name, server, namespace, standing = 'fresh']) =>
    endpoints.run({ server, namespace, standing }, signal, async () => {
      began.push(name);
      await gate.promise;
    }),
  );
  await Promise.resolve();
  began.push('|');
  gate.resolve();
  await Promise.all(works);
  return began;
}

const rows: readonly (readonly [string, EndpointLimits, readonly Asked[], string])[] = [
  [
    'first come, first served',
    { all: 1, perServer: 1, perNamespace: 1 },
    [
      ['a', 's', 'n'],
      ['b', 's', 'n'],
      ['c', 's', 'n'],
    ],
    'a | b c',
  ],
  [
    'one server has its share, and no more',
    { all: 4, perServer: 2, perNamespace: 4 },
    [
      ['a', 's', 'n'],
      ['b', 's', 'n'],
      ['c', 's', 'n'],
      ['d', 't', 'n'],
    ],
    'a b d | c',
  ],
  [
    'one namespace has its share, and no more',
    { all: 4, perServer: 4, perNamespace: 2 },
    [
      ['a', 's', 'n'],
      ['b', 't', 'n'],
      ['c', 'u', 'n'],
      ['d', 's', 'm'],
    ],
    'a b d | c',
  ],
  [
    'what was begun goes on first, what failed waits behind what did not',
    { all: 1, perServer: 1, perNamespace: 1 },
    [
      ['a', 's', 'n'],
      ['b', 's', 'n', 'failed'],
      ['c', 's', 'n'],
      ['d', 's', 'n', 'goesOn'],
      ['e', 's', 'n', 'failed'],
      ['f', 's', 'n'],
      ['g', 's', 'n', 'goesOn'],
    ],
    'a | d g c f b e',
  ],
];

test.each(rows)('%s', async (_, limits, asked, order) => {
  expect((await orderOf(limits, asked)).join(' ')).toBe(order);
});

test('who leaves before it is his turn takes no place, and gives none back', async () => {
  const endpoints = new Endpoints({ all: 1, perServer: 1, perNamespace: 1 });
  const place = { server: 's', namespace: 'n', standing: 'fresh' } as const;
  const gate = Promise.withResolvers<void>();
  const first = endpoints.run(place, signal, () => gate.promise);
  const leaving = new AbortController();
  const second = endpoints.run(place, leaving.signal, () => Promise.reject(new Error('it was asked')));
  leaving.abort(new Error('it left'));
  await expect(second).rejects.toThrow('it left');
  const third = endpoints.run(place, signal, () => Promise.resolve('asked'));
  gate.resolve();
  await first;
  expect(await third).toBe('asked');
});
