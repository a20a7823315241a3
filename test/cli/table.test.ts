import { expect, test } from '@jest/globals';
import { fieldsText, printable, tableText } from '../../operator/cli/table.ts';

test('columns are as wide as they must be, and what is not known is a dash', () => {
  const text = tableText(
    ['NAME', 'COMMIT', 'SUBJECT'],
    [
      ['shop/web', '4f2a9c1', 'Ünïcode'],
      ['a', undefined, ''],
    ],
  );
  expect(text).toBe('NAME       COMMIT    SUBJECT\nshop/web   4f2a9c1   Ünïcode\na          -         -\n');
});

test('fields without a value are left out', () => {
  expect(
    fieldsText([
      ['object', 'Deployment shop/web'],
      ['author', undefined],
      ['file', 'a.yaml:1'],
    ]),
  ).toBe('object:   Deployment shop/web\nfile:     a.yaml:1\n');
});

test('what a commit says cannot move the cursor, break the table or turn the direction', () => {
  expect(printable('a\u001B[2Jb\nc\u202Ed\u0007')).toBe('a [2Jb c d ');
  expect(tableText(['A', 'B'], [['x'.repeat(500), 'y']]).split('\n')[1]).toBe(`${'x'.repeat(119)}…   y`);
});
