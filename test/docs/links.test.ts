import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { readText } from '../../crds/generate.ts';

test('what the docs link to is there', () => {
  const pages = readdirSync(new URL('../../docs/', import.meta.url)).filter((name) => name.endsWith('.md'));
  const broken = pages.flatMap((page) =>
    [...(readText(`docs/${page}`) ?? '').matchAll(/\]\(([^):#]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => readText(`docs/${target}`) === undefined)
      .map((target) => `${page}: ${target}`),
  );
  expect(pages.length).toBeGreaterThan(3);
  expect(broken).toEqual([]);
});
