/** Within v1 the schema only ever gains optional fields. */
import { expect, test } from '@jest/globals';
import { incompatibilities } from '../../crds/compatibility.ts';
import { generatedFrom, readText } from '../../crds/generate.ts';
import { readCrd, schemaOf } from '../../crds/schema.ts';
import type { Schema } from '../../crds/schema.ts';

const object = (properties: Readonly<Record<string, Schema>>, rest: Partial<Schema> = {}): Schema => ({
  type: 'object',
  properties,
  ...rest,
});
const field = (rest: Partial<Schema>): Schema => object({ field: { type: 'string', ...rest } });

test('what v1 promised still holds', () => {
  const baseline = JSON.parse(readText('crds/v1.baseline.json') ?? '') as Schema;
  expect(incompatibilities(baseline, schemaOf(readCrd()))).toEqual([]);
});

test.each<readonly [string, Schema, Schema, string]>([
  ['a field that is gone', object({ a: { type: 'string' } }), object({}), 'a: was removed'],
  ['a field that is gone deep inside', object({ a: object({ b: { type: 'string' } }) }), object({ a: object({}) }), 'a.b: was removed'],
  ['another type', field({}), field({ type: 'integer' }), 'field: type string became integer'],
  ['another format', field({}), field({ format: 'date-time' }), 'field: format any became date-time'],
  ['a newly required field', field({}), object({ field: { type: 'string' } }, { required: ['field'] }), 'field: is newly required'],
  ['a new field that is required', object({}), object({ b: { type: 'string' } }, { required: ['b'] }), 'b: is newly required'],
  ['a default that is gone', field({ default: 'a' }), field({}), 'field: default "a" became undefined'],
  ['another default', field({ default: 'a' }), field({ default: 'b' }), 'field: default "a" became "b"'],
  ['a default where there was none', field({}), field({ default: 'b' }), 'field: default undefined became "b"'],
  ['a value that is gone', field({ enum: ['A', 'B'] }), field({ enum: ['A'] }), 'field: no longer takes B'],
  ['values where all were taken', field({}), field({ enum: ['A'] }), 'field: takes only A now'],
  ['a shorter string', field({ maxLength: 9 }), field({ maxLength: 8 }), 'field: maxLength 9 became 8'],
  ['a bound where there was none', field({}), field({ maxLength: 8 }), 'field: maxLength none became 8'],
  ['a longer least length', field({ minLength: 1 }), field({ minLength: 2 }), 'field: minLength 1 became 2'],
  ['another pattern', field({ pattern: 'a' }), field({ pattern: 'b' }), 'field: pattern b is new'],
  ['null refused', field({ nullable: true }), field({}), 'field: can no longer be null'],
  [
    'a new rule',
    field({}),
    field({ 'x-kubernetes-validations': [{ rule: 'self != ""', message: 'no' }] }),
    'field: rule self != "" is new',
  ],
  [
    'shorter items',
    object({ list: { type: 'array', items: { type: 'string', maxLength: 9 } } }),
    object({ list: { type: 'array', items: { type: 'string', maxLength: 8 } } }),
    'list[]: maxLength 9 became 8',
  ],
  [
    'another kind of list',
    object({ list: { type: 'array', 'x-kubernetes-list-type': 'atomic' } }),
    object({ list: { type: 'array', 'x-kubernetes-list-type': 'set' } }),
    'list: x-kubernetes-list-type changed',
  ],
])('%s is told', (_what, before, after, expected) => {
  expect(incompatibilities(before, after)).toEqual([expected]);
});

test.each<readonly [string, Schema, Schema]>([
  ['a new optional field', object({}), field({})],
  ['a new optional field with a default', object({}), field({ default: 'a' })],
  ['a field that need no longer be stated', object({ a: { type: 'string' } }, { required: ['a'] }), object({ a: { type: 'string' } })],
  ['one more value', field({ enum: ['A'] }), field({ enum: ['A', 'B'] })],
  ['a wider bound', field({ maxLength: 8 }), field({ maxLength: 9 })],
  ['a pattern that is gone', field({ pattern: 'a' }), field({})],
  ['a rule that is gone', field({ 'x-kubernetes-validations': [{ rule: 'false', message: 'no' }] }), field({})],
  ['another description', field({ description: 'a' }), field({ description: 'b' })],
])('%s is no breach', (_what, before, after) => {
  expect(incompatibilities(before, after)).toEqual([]);
});

test('nothing is generated from a schema that breaks the promise', () => {
  const crd = readCrd();
  const [version] = crd.spec.versions;
  if (version === undefined) throw new Error('the CRD has a version');
  const schema = schemaOf(crd);
  const { status: _status, ...properties } = schema.properties ?? {};
  const broken = { ...crd, spec: { ...crd.spec, versions: [{ ...version, schema: { openAPIV3Schema: { ...schema, properties } } }] } };
  expect(() => generatedFrom(broken)).toThrow('v1 only ever gains optional fields:\nstatus: was removed');
});
