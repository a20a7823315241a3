import { expect, test } from '@jest/globals';
import { staleOf } from '../../crds/generate.ts';
import { generatedPages, withBlocks } from '../../docs/generate.ts';

test('the tables of the docs are as the code has them (node docs/generate.ts)', () => {
  expect(staleOf(generatedPages())).toEqual([]);
});

const page = 'Before.\n<!-- generated: flags -->\n\n| old |\n\n<!-- end -->\nBetween.\n<!-- generated: reasons -->\n<!-- end -->\nAfter.\n';

test('a block replaces what was between its markers, and nothing else', () => {
  const once = withBlocks(page, { flags: '| new |', reasons: '| $1 |' });
  expect(once).toBe(
    'Before.\n<!-- generated: flags -->\n\n| new |\n\n<!-- end -->\nBetween.\n<!-- generated: reasons -->\n\n| $1 |\n\n<!-- end -->\nAfter.\n',
  );
  expect(withBlocks(once, { flags: '| new |', reasons: '| $1 |' })).toBe(once);
});

test('a block without place, and a place without block, are faults', () => {
  expect(() => withBlocks(page, { flags: '', reasons: '', metrics: '' })).toThrow('there is no place for metrics');
  expect(() => withBlocks(page, { flags: '' })).toThrow('nothing is generated for the place reasons');
});
