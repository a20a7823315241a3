import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { detached, shared } from '../operator/kept-text.ts';
import { workloadImages } from '../operator/report/workloads.ts';
import { readSnapshot, settle } from '../operator/render/index.ts';
import type { SettleOptions } from '../operator/render/index.ts';
import { snapshot } from './render/files.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const mebi = 1024 * 1024;

describe('detached', () => {
  test.each([[''], ['web'], ['shop-settings-of-today'], ['häuser-und-gärten-äöü'], ['a lone \ud800 surrogate'], ['"quoted"\n\u0000']])(
    '%j is the same text',
    (text) => {
      expect(detached(text)).toBe(text);
      expect(shared(text)).toBe(text);
    },
  );
});

/** Large texts lie outside of the heap. What one collection finds to finalize is only freed by the next, some of it in a later turn. */
async function used(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    collect();
    await nextTurn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Bytes that `count` results hold; what only the first few need is there before. */
async function held(count: number, make: (index: number) => unknown): Promise<number> {
  for (let index = 0; index < Math.min(3, count); index += 1) make(index);
  const before = await used();
  const kept = Array.from({ length: count }, (_, index) => make(index));
  const growth = (await used()) - before;
  expect(kept).toHaveLength(count);
  return growth;
}

test('what is kept of a manifest does not keep the file that it was cut from', async () => {
  const options: SettleOptions = {
    sourceNamespace: 'shop',
    targetNamespace: undefined,
    servedNamespaces: [],
    scopeOf: (gvk) => ({ ...gvk, kind: detached(gvk.kind), group: detached(gvk.group), plural: 'x', namespaced: true, verbs: [] }),
  };
  const comment = `# ${'x'.repeat(mebi)}\n`;
  const growth = await held(30, (index) => {
    const yaml = `${comment}apiVersion: networking.example.com/v1\nkind: LargeDeployment\nmetadata: {name: a-name-that-is-cut-${index}, namespace: a-namespace-that-is-cut}
spec: {template: {spec: {containers: [{name: a-container-that-is-cut, image: 'registry.example.com/shop/web-${index}:1.4@sha256:0123456789abcdef'}]}}}\n`;
    const { manifests } = settle(readSnapshot(snapshot({ 'a.yaml': yaml })).drafts, options);
    const images = workloadImages(manifests);
    expect(images).toHaveLength(1);
    return [manifests.map(({ id, hash }) => [id, hash]), images];
  });
  expect(growth).toBeLessThan(15 * mebi);
});

test('equal texts are one', async () => {
  const commits = Array.from({ length: 50 }, (_, index) => String(index).padStart(40, '0'));
  const growth = await held(100_000, (index) => shared(Buffer.from(commits[index % 50] ?? '').toString()));
  expect(growth).toBeLessThan(2 * mebi);
});

test('however many there are, few are remembered', async () => {
  let round = 0;
  const growth = await held(1, () => {
    round += 1;
    for (let index = 0; index < 100_000; index += 1) shared(`${round} ${index}`.padStart(250, '-'));
  });
  expect(growth).toBeLessThan(8 * mebi);
});
