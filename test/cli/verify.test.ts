import { describe, expect, test } from '@jest/globals';
import { verifyPresence } from '../../operator/cli/verify.ts';
import { statusDisagreements } from '../../operator/cli/verify-status.ts';
import type { DriftEntry } from '../../operator/api/types.ts';
import type { DriftItem } from '../../operator/report/drift.ts';
import { manifest, member, ours } from '../plan/made.ts';
import type { Which } from '../plan/made.ts';

const item = (field: string | undefined, of: DriftItem['class'] = 'modified', name = 'a'): DriftItem => ({
  id: manifest({ name }).id,
  uid: 'u',
  class: of,
  field,
  manager: 'kubectl',
  since: undefined,
});
const entry = (field: string | undefined, of: DriftEntry['class'] = 'modified', name = 'a'): DriftEntry => ({
  object: `ConfigMap shop/${name}`,
  class: of,
  ...(field === undefined ? {} : { field }),
});

describe('what the status tells', () => {
  const objects = ['a', 'b'].map((name) => manifest({ name }).id);
  const all = (count: number) => Array.from({ length: count }, (_, index) => index);

  test.each<[string, readonly DriftItem[], readonly DriftEntry[], number, readonly string[]]>([
    ['is what was found', [item('data.key')], [entry('data.key')], 1, []],
    ['is nothing, as was found', [], [], 0, []],
    ['is added fields, which are not counted', [item('data.more', 'extra')], [entry('data.more', 'extra')], 0, []],
    ['is a field of a list of which all was found, or the other way round', [item('a.b')], [entry('a.b[name=x].c')], 1, []],
    [
      'is not a field that begins alike',
      [item('a.bc')],
      [entry('a.b')],
      1,
      [
        'a.bc of ConfigMap shop/a is modified, and the status does not tell it',
        'the status tells that a.b of ConfigMap shop/a is modified, which is not so',
      ],
    ],
    [
      'is less than was found',
      [item('data.key'), item(undefined, 'missing', 'b')],
      [entry('data.key')],
      1,
      ['ConfigMap shop/b is missing, and the status does not tell it', 'the status counts 1 objects that differ, found were 2'],
    ],
    [
      'is more than was found',
      [],
      [entry('data.key')],
      1,
      [
        'the status tells that data.key of ConfigMap shop/a is modified, which is not so',
        'the status counts 1 objects that differ, found were 0',
      ],
    ],
    ['is about objects that were not looked at', [], [entry('data.key', 'modified', 'other')], 1, []],
    ['is the first twenty', all(30).map((one) => item(`data.k${one}`)), all(20).map((one) => entry(`data.k${one}`)), 1, []],
    [
      'is miscounted though it is the first twenty',
      all(30).map((one) => item(`data.k${one}`)),
      all(20).map((one) => entry(`data.k${one}`)),
      4,
      ['the status counts 4 objects that differ, found were 1'],
    ],
  ])('%s', (_name, items, drift, drifted, expected) => {
    expect(statusDisagreements({ objects, items, isPartial: false }, { drift: [...drift], objects: { drifted } })).toEqual(expected);
  });

  test('is not counted where not all could be looked at', () => {
    expect(statusDisagreements({ objects, items: [], isPartial: true }, { objects: { drifted: 3 } })).toEqual([]);
  });
});

describe('an object of which its presence is all that is looked at', () => {
  const label = 'metadata.labels["applyset.kubernetes.io/part-of"]';
  const ttl = (kind: string): Which => ({ group: 'batch', kind });
  const body = { spec: { ttlSecondsAfterFinished: 60 } };
  const onlyIfAbsent = { annotations: { 'plumbline.dev/apply': 'IfNotPresent' } };
  const ignored = { annotations: { 'plumbline.dev/ignore': 'true' } };
  type Told = readonly string[] | undefined;

  test.each<[string, ReturnType<typeof manifest>, ReturnType<typeof member> | undefined, Told]>([
    ['a member’s fields count', manifest(), member(), undefined],
    ['one that is gone', manifest(), undefined, ['missing']],
    ['one whose label was taken off', manifest(), member({}, { partOf: '' }), [`removed ${label}`]],
    ['one that another set has', manifest(), member({}, { partOf: 'other' }), [`modified ${label}`]],
    ['a finished Job that is gone is done', manifest(ttl('Job'), { body }), undefined, []],
    ['a Job without a time to live is missed', manifest(ttl('Job')), undefined, ['missing']],
    ['what is made only where absent may say anything', manifest({}, onlyIfAbsent), member(), []],
    ['and may be nobody’s, since it was there before', manifest({}, onlyIfAbsent), member({}, { partOf: '' }), []],
    ['and is missed where it is gone', manifest({}, onlyIfAbsent), undefined, ['missing']],
    ['what git says to ignore', manifest({}, ignored), member({}, { partOf: '' }), []],
    ['what says so itself', manifest(), member({}, { ...ignored, partOf: '' }), []],
  ])('%s', (_name, stated, live, expected) => {
    const told = verifyPresence(stated, live, ours);
    expect(told?.map((one) => [one.class, one.field].filter(Boolean).join(' '))).toEqual(expected);
  });
});
