/**
 * What a YAML scalar means to kubectl: sigs.k8s.io/yaml over go-yaml 2, that is YAML 1.1 but for sexagesimal numbers and
 * dates, which stay strings. The tests hold what kubectl itself answered.
 */

/** A value of a scalar. Integers that a JavaScript number cannot hold exactly are bigint. */
export type Scalar = string | number | bigint | boolean | null;

const words: ReadonlyMap<string, Scalar> = new Map<string, Scalar>([
  ...spellings(true, ['y', 'yes', 'true', 'on']),
  ...spellings(false, ['n', 'no', 'false', 'off']),
  ...spellings(null, ['null']),
  ['', null],
  ['~', null],
  ...spellings(Infinity, ['.inf', '+.inf']),
  ...spellings(-Infinity, ['-.inf']),
  ['.nan', NaN],
  ['.NaN', NaN],
  ['.NAN', NaN],
]);

/** `no`, `No`, `NO`: other mixtures of case are strings. */
function spellings(value: Scalar, lower: readonly string[]): [string, Scalar][] {
  return lower.flatMap((word): [string, Scalar][] => {
    const capital = word.replace(/[a-z]/, (letter) => letter.toUpperCase());
    return [word, capital, word.toUpperCase()].map((spelling) => [spelling, value]);
  });
}

const short = /^[1-9][0-9]{0,14}$/;
const integer = /^[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/;
const decimal = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const pointFirst = /^\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?$/;

const minInt64 = -(2n ** 63n);
const maxInt64 = 2n ** 63n - 1n;
const maxUint64 = 2n ** 64n - 1n;

/** The value of a plain scalar without a tag. */
export function plainValue(text: string): Scalar {
  const first = text.charCodeAt(0);
  // Most scalars are words that begin with a letter that means nothing.
  if (!mayMeanMore(first)) return text;
  const word = words.get(text);
  if (word !== undefined) return word;
  if (first === 0x2e) return pointFirst.test(text) ? finiteOr(text, text.replaceAll('_', '')) : text;
  if (!isNumberStart(first)) return text;
  if (short.test(text)) return Number(text);
  const plain = text.includes('_') ? text.replaceAll('_', '') : text;
  if (integer.test(plain)) {
    const value = integerValue(plain);
    if (value !== undefined) return value;
  }
  if (decimal.test(plain)) return finiteOr(text, plain);
  return text;
}

function mayMeanMore(first: number): boolean {
  if (Number.isNaN(first) || isNumberStart(first)) return true; // an empty scalar is null
  return first === 0x2e || first === 0x7e || 'yYnNtTfFoO'.includes(String.fromCharCode(first));
}

function isNumberStart(char: number): boolean {
  return (char >= 0x30 && char <= 0x39) || char === 0x2b || char === 0x2d;
}

/** A number too large for a double is a string to kubectl. */
function finiteOr(text: string, plain: string): Scalar {
  const value = Number(plain);
  return Number.isFinite(value) ? value : text;
}

/** An integer of 64 bits, exact; undefined for one that is larger. */
function integerValue(plain: string): number | bigint | undefined {
  const signed = plain.startsWith('-') || plain.startsWith('+');
  const digits = signed ? plain.slice(1) : plain;
  const value = plain.startsWith('-') ? -magnitude(digits) : magnitude(digits);
  if (value < minInt64 || value > (signed ? maxInt64 : maxUint64)) return undefined;
  return exact(value);
}

function magnitude(digits: string): bigint {
  // More than 64 binary digits never fit; BigInt's cost grows with the square of the length.
  if (digits.length > 80) return maxUint64 + 1n;
  return BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits.toLowerCase());
}

/** A number where that is exact, else the bigint. */
export function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The text that kubectl makes of a plain mapping key: `n` is `"false"`, `0x10` is `"16"`; undefined for a null or an integer over 2^63. */
export function plainKey(text: string): string | undefined {
  const value = plainValue(text);
  if (typeof value === 'string') return value;
  if (value === null) return undefined;
  if (typeof value === 'bigint' && value > maxInt64) return undefined;
  if (typeof value !== 'number') return String(value);
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  return integer.test(text.replaceAll('_', '')) ? String(value) : float32Text(value);
}

/** Go's FormatFloat(value, 'g', -1, 32): the shortest digits that tell a 32-bit float, an exponent below -4 and from 6 up. */
function float32Text(value: number): string {
  const single = Math.fround(value);
  if (!Number.isFinite(single)) return single > 0 ? '.inf' : '-.inf';
  if (single === 0) return Object.is(single, -0) ? '-0' : '0';
  let digits = 0;
  while (digits < 8 && Math.fround(Number(single.toExponential(digits))) !== single) digits++;
  const [mantissa = '', exponentText = '0'] = single.toExponential(digits).split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 6) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  return String(Number(`${mantissa}e${exponentText}`));
}

const tagPrefix = 'tag:yaml.org,2002:';

/**
 * The value of a scalar with a tag (`!!str 1`, `!mine x`); undefined where text and tag do not fit.
 * Tags that YAML does not define mean nothing to kubectl: the scalar is a string.
 */
export function taggedValue(tag: string, text: string): Scalar | undefined {
  switch (coreTag(tag)) {
    case 'int':
      return ofType(plainValue(text), (value) => typeof value === 'bigint' || (typeof value === 'number' && isInteger(text)));
    case 'float':
      return ofType(plainValue(text), (value) => typeof value === 'number' || typeof value === 'bigint');
    case 'bool':
      return ofType(plainValue(text), (value) => typeof value === 'boolean');
    case 'null':
      return ofType(plainValue(text), (value) => value === null);
    case 'binary':
      return base64Text(text);
    default:
      return text;
  }
}

function ofType(value: Scalar, fits: (value: Scalar) => boolean): Scalar | undefined {
  return fits(value) ? value : undefined;
}

function isInteger(text: string): boolean {
  return integer.test(text.replaceAll('_', ''));
}

/** `int` of `!!int` and of `!<tag:yaml.org,2002:int>`; empty for any other. */
function coreTag(tag: string): string {
  if (tag.startsWith('!!')) return tag.slice(2);
  return tag.startsWith(`!<${tagPrefix}`) ? tag.slice(2 + tagPrefix.length, -1) : '';
}

/** Whether this is the tag of a merge key, `!!merge <<`. */
export function isMergeTag(tag: string): boolean {
  return coreTag(tag) === 'merge';
}

function base64Text(text: string): string | undefined {
  const compact = text.replace(/[\r\n]/g, '');
  const valid = compact.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(compact);
  return valid ? Buffer.from(compact, 'base64').toString('utf8') : undefined;
}
