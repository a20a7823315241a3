import { expect, test } from '@jest/globals';
import { durationText, progressOn } from './progress.ts';

test('off a terminal a line comes at most every two seconds, and every step has its own', () => {
  const written: string[] = [];
  let now = 0;
  const progress = progressOn({ write: (text: string) => written.push(text) }, () => now);
  progress.say('building etcd');
  for (now = 500; now <= 4_500; now += 500) progress.tick(`${now} ms`);
  progress.say('built etcd');
  expect(written).toEqual(['building etcd\n', '2000 ms\n', '4000 ms\n', 'built etcd\n']);
});

test('on a terminal a tick is written over by what follows', () => {
  const written: string[] = [];
  const progress = progressOn({ write: (text: string) => written.push(text), isTTY: true });
  progress.tick('1s');
  progress.tick('2s');
  progress.say('built');
  expect(written).toEqual(['\r\u001b[K1s', '\r\u001b[K2s', '\r\u001b[Kbuilt\n']);
});

test.each([
  [400, '0s'],
  [59_400, '59s'],
  [65_000, '1m05s'],
])('%d ms are %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
