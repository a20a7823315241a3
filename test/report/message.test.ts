import { describe, expect, test } from '@jest/globals';
import { catalogue } from '../../operator/errors.ts';
import { appliedMessage, changesText, failureMessage, failureSummary, faultLine, revisionText } from '../../operator/report/message.ts';
import { noChanges, refusedImage, sha } from './outcomes.ts';
import type { Fault } from '../../operator/errors.ts';
import type { Standing } from '../../operator/report/message.ts';

const untouched: Standing = { applied: 'main@4f2a9c1', written: 0, halfIn: false, since: undefined };

test.each([
  ['main', '4f2a9c1', 'main@4f2a9c1'],
  ['v1.2.3', '4f2a9c1', 'v1.2.3@4f2a9c1'],
  ['refs/pull/3/head', '4f2a9c1', 'refs/pull/3/head@4f2a9c1'],
  [undefined, '4f2a9c1', '4f2a9c1'],
  ['', '4f2a9c1', '4f2a9c1'],
])('the ref %s at %s reads %s', (ref, commit, text) => {
  expect(revisionText(ref, sha(commit))).toBe(text);
});

describe('a fault', () => {
  test.each<[string, Fault, string]>([
    [
      'of an object names place and object',
      refusedImage,
      'prod/web.yaml:14 Deployment shop/web refused: spec.template.spec.containers[0].image: Required value',
    ],
    [
      'of a file names line and column',
      { reason: 'RenderFailed', place: { file: 'a.yaml', line: 3, column: 5 }, message: 'bad indentation' },
      'a.yaml:3:5: bad indentation',
    ],
    ['of nothing in particular is its message', { reason: 'GitUnreachable', message: 'no such host' }, 'no such host'],
    [
      'that is no refusal does not say so',
      { reason: 'PruneWaiting', object: 'Namespace shop', message: 'held by a finalizer' },
      'Namespace shop: held by a finalizer',
    ],
  ])('%s', (_, fault, line) => {
    expect(faultLine(fault)).toBe(line);
  });
});

describe('the message of a failure', () => {
  test('says what, where, why, what became of the cluster and what to do', () => {
    expect(failureMessage([refusedImage], untouched)).toBe(
      'prod/web.yaml:14 Deployment shop/web refused: spec.template.spec.containers[0].image: Required value. ' +
        'Nothing was changed; main@4f2a9c1 keeps running. Correct the file and push.',
    );
  });

  test.each<[string, Partial<Standing>, string]>([
    ['nothing ran before', { applied: undefined }, 'Nothing was changed.'],
    ['something ran before', {}, 'Nothing was changed; main@4f2a9c1 keeps running.'],
    [
      'something was written',
      { written: 3, halfIn: true },
      '3 objects were written before it failed; main@4f2a9c1 was the last revision to be applied whole.',
    ],
    [
      'one object was written',
      { written: 1, halfIn: true },
      '1 object was written before it failed; main@4f2a9c1 was the last revision to be applied whole.',
    ],
    ['a correction failed', { written: 2 }, '2 objects were written before it failed; main@4f2a9c1 keeps running.'],
    ['an earlier one is half in', { halfIn: true }, 'Nothing was changed; main@4f2a9c1 was the last revision to be applied whole.'],
    ['the first one is half in', { applied: undefined, written: 3, halfIn: true }, '3 objects were written before it failed.'],
    [
      'only time tells how bad it is',
      { since: '2026-11-24T03:00:00.123Z' },
      'Nothing was changed; main@4f2a9c1 keeps running. Not Ready since 2026-11-24T03:00:00Z.',
    ],
  ])('is true when %s', (_, standing, sentences) => {
    const message = failureMessage([{ ...refusedImage, remedy: 'Mend it.' }], { ...untouched, ...standing });
    expect(message).toBe(`${faultLine(refusedImage)}. ${sentences} Mend it.`);
  });

  test('tells every fault on a line of its own, and each remedy once', () => {
    const other: Fault = { reason: 'RenderFailed', place: { file: 'b.yaml', line: 2 }, message: 'no kind' };
    expect(failureMessage([refusedImage, { ...refusedImage, place: { file: 'c.yaml', line: 1 } }, other], untouched).split('\n')).toEqual([
      faultLine(refusedImage),
      faultLine({ ...refusedImage, place: { file: 'c.yaml', line: 1 } }),
      'b.yaml:2: no kind',
      `Nothing was changed; main@4f2a9c1 keeps running. Correct the file and push. ${catalogue.RenderFailed.remedy}`,
    ]);
  });

  test.each([
    ['many faults', 27, 'x', 20],
    ['long faults', 10, 'x'.repeat(1_000), 3],
  ])('tells %s up to a bound, then how many more', (_, count, message, shown) => {
    const faults = Array.from({ length: count }, (__, index): Fault => ({
      ...refusedImage,
      place: { file: 'a.yaml', line: index + 1 },
      message,
    }));
    const lines = failureMessage(faults, untouched).split('\n');
    expect(lines.slice(shown, shown + 1)).toEqual([`and ${count - shown} more`]);
    expect(lines).toHaveLength(shown + 2);
    expect(lines.join('\n').length).toBeLessThan(5_000);
  });

  test('is never longer than a condition takes', () => {
    const faults = Array.from({ length: 30 }, (_, index): Fault => ({
      reason: 'Forbidden',
      message: 'y'.repeat(50_000),
      remedy: `${index} ${'z'.repeat(9_000)}.`,
    }));
    expect(failureMessage(faults, untouched).length).toBeLessThanOrEqual(32_000);
  });

  test('leaves a command to copy alone on its line, without a full stop', () => {
    const held: Fault = {
      reason: 'PruneHeld',
      message: '12 of 12 objects would go:\nDeployment shop/web',
      remedy: 'Let it go:\n  kubectl annotate gos shop plumbline.dev/allow-prune=4f2a9c1',
    };
    expect(failureMessage([held], untouched)).toBe(
      '12 of 12 objects would go:\nDeployment shop/web. Nothing was changed; main@4f2a9c1 keeps running. Let it go:\n  kubectl annotate gos shop plumbline.dev/allow-prune=4f2a9c1',
    );
    const forbidden: Fault = {
      reason: 'Forbidden',
      message: 'may not create deployments:\nkubectl create role deployer --verb=create --resource=deployments',
      remedy: 'Run it.',
    };
    expect(failureMessage([forbidden], untouched)).toBe(
      'may not create deployments:\nkubectl create role deployer --verb=create --resource=deployments\nNothing was changed; main@4f2a9c1 keeps running. Run it.',
    );
  });

  test('does not call a held prune a failure', () => {
    const held: Fault = { reason: 'PruneHeld', message: 'nothing is pruned', remedy: 'Let it go.' };
    expect(failureMessage([held], { ...untouched, written: 3, halfIn: true })).toBe(
      'nothing is pruned. 3 objects were written; main@4f2a9c1 was the last revision to be applied whole. Let it go.',
    );
  });

  test('never ends in two full stops', () => {
    expect(failureMessage([{ ...refusedImage, message: 'No.', remedy: 'Mend it.' }], untouched)).not.toContain('..');
  });

  test('holds the remedy of the catalogue for every reason without one of its own', () => {
    for (const [reason, { remedy }] of Object.entries(catalogue)) {
      expect(failureMessage([{ reason: reason as Fault['reason'], message: 'x' }], untouched)).toContain(remedy);
    }
  });
});

test('the summary of a failure is its first fault and a count, within its length', () => {
  expect(failureSummary([refusedImage, refusedImage], 1_024)).toBe(`${faultLine(refusedImage)} (and 1 more)`);
  const long = failureSummary([{ ...refusedImage, message: '𝄞'.repeat(2_000) }, refusedImage], 1_024);
  expect(long.length).toBeLessThanOrEqual(1_024);
  expect(long.isWellFormed()).toBe(true);
});

test.each([
  [{}, 'main@4f2a9c1 is applied: 12 objects, nothing to change'],
  [{ created: 1, changed: 2, pruned: 1 }, 'main@4f2a9c1 is applied: 12 objects, 1 created, 2 changed, 1 pruned'],
  [{ letGo: 1, unchanged: 11 }, 'main@4f2a9c1 is applied: 12 objects, 1 let go'],
])('an applied revision tells what was done: %j', (changes, text) => {
  expect(appliedMessage('main@4f2a9c1', 12, { ...noChanges, ...changes })).toBe(text);
});

test('nothing done is no text', () => {
  expect(changesText({ ...noChanges, unchanged: 5 })).toBe('');
});
