import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import type { Diff } from '../../operator/cli/diff.ts';
import { printDiff } from '../../operator/cli/print.ts';

const none: Diff = {
  revision: 'main@4f2a9c1',
  created: [],
  changed: [],
  adopted: [],
  pruned: [],
  letGo: [],
  held: [],
  refused: [],
  differs: true,
};
const web = { object: 'Deployment shop/web', origin: 'web.yaml:1' };
const update = { ...web, change: { how: 'update', fields: [{ path: 'spec.replicas', before: '1', after: '2' }] } } as const;

function printed(diff: Partial<Diff>): readonly string[] {
  const out = new PassThrough();
  printDiff({ ...none, ...diff }, out);
  return String(out.read()).trimEnd().split('\n');
}

describe('a diff', () => {
  test.each<[string, Partial<Diff>, string]>([
    ['nothing', {}, 'nothing would change'],
    ['what is created', { created: [web, web] }, '2 created'],
    ['what is changed', { changed: [update] }, '1 changed'],
    ['what is only let go', { letGo: ['ConfigMap shop/a', 'ConfigMap shop/b'] }, '2 let go'],
    ['what is pruned and let go', { pruned: ['ConfigMap shop/a'], letGo: ['ConfigMap shop/b'] }, '1 pruned, 1 let go'],
    ['a prune that is held', { held: ['everything would go'] }, 'the prune is held'],
    ['a held prune beside others', { created: [web], held: ['everything would go'] }, '1 created, the prune is held'],
    ['what is refused', { refused: [{ reason: 'ObjectRefused', message: 'no' }] }, '1 refused'],
  ])('sums up %s', (_, diff, summary) => {
    expect(printed(diff).at(-1)).toBe(`main@4f2a9c1: ${summary}`);
  });

  test.each<[string, Diff['changed'][number]['change'], string]>([
    ['by its fields', update.change, '    spec.replicas: 1 → 2'],
    ['that only we see', { how: 'update', fields: [] }, '    only who manages it, and the commit that it came from'],
    [
      'as a recreation',
      { how: 'recreate' },
      '    is deleted and made anew: a field that changes is immutable, and plumbline.dev/force is enabled',
    ],
    [
      'that waits for its CRD',
      { how: 'later' },
      '    is tried once the CustomResourceDefinition that changes with it is in; its fields are not known before',
    ],
  ])('tells a change %s', (_, change, line) => {
    expect(printed({ changed: [{ ...web, change }] }).slice(0, 2)).toEqual(['~ Deployment shop/web  web.yaml:1', line]);
  });
});
