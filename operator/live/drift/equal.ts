/** Pure: whether a live value is what a manifest states, as far as that can be said without the kind's schema. */
import { isMapping } from '../../render/fields.ts';
import { isBlank, isSameScalar } from './path.ts';

/** `unsure`: written otherwise or with more in it, which may be what the API server made of the stated value. */
export type Likeness = 'same' | 'differs' | 'unsure';

/** Compares what is stated with what is live. What is blank in the manifest is not compared. */
export function likeness(stated: unknown, live: unknown): Likeness {
  if (isBlank(stated)) return 'same';
  if (live === undefined || live === null) return 'differs';
  if (Array.isArray(stated)) {
    if (!Array.isArray(live) || live.length !== stated.length) return 'differs';
    return worst(stated.map((one, index) => likeness(one, live[index])));
  }
  if (isMapping(stated)) {
    if (!isMapping(live)) return 'differs';
    const inner = worst(Object.keys(stated).map((key) => likeness(stated[key], live[key])));
    if (inner !== 'same') return inner;
    return Object.keys(live).some((key) => isBlank(stated[key]) && !isBlank(live[key])) ? 'unsure' : 'same';
  }
  if (isSameScalar(stated, live)) return 'same';
  return typeof live === 'object' || !maySayTheSame(stated, live) ? 'differs' : 'unsure';
}

function worst(answers: readonly Likeness[]): Likeness {
  if (answers.includes('differs')) return 'differs';
  return answers.includes('unsure') ? 'unsure' : 'same';
}

/** Scalars that the API server may take for the same: quantities, durations, times, a number in quotes, base64 with white space. */
function maySayTheSame(a: unknown, b: unknown): boolean {
  const [left, right] = [String(a), String(b)];
  if (left === right) return true;
  for (const read of [quantityOf, durationOf, timeOf]) {
    const [one, other] = [read(left), read(right)];
    if (one !== undefined && other !== undefined) return isNear(one, other);
  }
  return left.length > 40 && left.replaceAll(/\s/gu, '') === right.replaceAll(/\s/gu, '');
}

function isNear(a: number, b: number): boolean {
  return a === b || Math.abs(a - b) <= Math.max(Math.abs(a), Math.abs(b)) * 1e-9;
}

const quantity = /^([+-]?[0-9]*\.?[0-9]+\.?)(?:([eE][+-]?[0-9]+)|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?$/u;
const decimal = { n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 } as const;
const binary = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

function quantityOf(text: string): number | undefined {
  const [whole, digits = '', exponent = '', suffix = ''] = quantity.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const power = binary.indexOf(suffix);
  return Number(`${digits}${exponent}`) * (power >= 0 ? 1024 ** (power + 1) : (decimal[suffix as keyof typeof decimal] ?? 1));
}

const durationPart = /([0-9]*\.?[0-9]+)(ns|us|µs|ms|s|m|h)/gu;
const seconds = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3_600 } as const;

function durationOf(text: string): number | undefined {
  if (text.length > 64 || text.replaceAll(durationPart, '') !== '') return undefined;
  let sum = 0;
  for (const [, number = '', unit = ''] of text.matchAll(durationPart)) sum += Number(number) * seconds[unit as keyof typeof seconds];
  return sum;
}

function timeOf(text: string): number | undefined {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}T/u.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
