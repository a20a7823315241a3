import { expect, test } from '@jest/globals';
import { generatedFrom, staleOf } from '../../crds/generate.ts';
import { readCrd, schemaOf } from '../../crds/schema.ts';
import type { Crd, Schema } from '../../crds/schema.ts';
import { typesOf } from '../../crds/typescript.ts';

test('types and reference are as the CRD has them (node crds/generate.ts)', () => {
  expect(staleOf(generatedFrom(readCrd()))).toEqual([]);
});

test('a stale file is noticed', () => {
  expect(staleOf({ 'operator/api/types.ts': '// another text' })).toEqual(['operator/api/types.ts']);
  expect(staleOf({ 'docs/no-such-page.md': '' })).toEqual(['docs/no-such-page.md']);
});

test('every field has a description that is a sentence', () => {
  expect(fieldsWithout(schemaOf(readCrd()), '')).toEqual([]);
});

test('two interfaces cannot share a name and differ', () => {
  const stage = (field: string): Schema => ({ type: 'object', properties: { [field]: { type: 'string' } } });
  const revision: Schema = { type: 'object', properties: { observed: stage('commit'), applied: stage('other') } };
  const status: Schema = { type: 'object', properties: { revision } };
  const openAPIV3Schema: Schema = { type: 'object', properties: { spec: { type: 'object' }, status } };
  const real = readCrd();
  const crd: Crd = {
    ...real,
    spec: { ...real.spec, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }] },
  };
  expect(() => typesOf(crd)).toThrow('status.revision.applied: RevisionStage is already another interface');
});

function fieldsWithout(schema: Schema, path: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const here = `${path}.${name}`;
    if (here === '.metadata') return [];
    const items =
      inner.items === undefined ? [] : [...(isSentence(inner.items) ? [] : [`${here}[]`]), ...fieldsWithout(inner.items, `${here}[]`)];
    return [...(isSentence(inner) ? [] : [here]), ...fieldsWithout(inner, here), ...items];
  });
}

function isSentence(schema: Schema): boolean {
  return schema.description?.endsWith('.') === true;
}
