import { expect, test } from '@jest/globals';
import { readText } from '../../crds/generate.ts';

interface PackageJson {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

test('docs/dependencies.md has a sentence for every dependency, and for no other', () => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(readText('package.json') ?? '') as PackageJson;
  const rows = [...(readText('docs/dependencies.md') ?? '').matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)];
  const named = rows.map(([, name = '']) => name);
  expect(new Set(named).size).toBe(named.length);
  expect(new Set(named)).toEqual(new Set(Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })));
  for (const [row, , why = ''] of rows) expect([row, why]).toEqual([row, expect.stringMatching(/^[A-Z].{10,}\.$/)]);
});
