/**
 * ALLOWED SIGNERS of ssh-keygen(1): who may sign with which key, one line each. A time without Z is UTC here (ssh-keygen
 * takes the zone of the machine it runs on, which for a pod is nobody's).
 */
import { PlumblineError } from '../../errors.ts';
import type { Fault } from '../../errors.ts';
import { isSshKeyType, readSshKey } from './ssh-key.ts';
import type { SshKey } from './ssh-key.ts';
import { inQuotes } from './refusal.ts';
import type { Fail } from './refusal.ts';

/** The key of the Secret that holds them. */
export const allowedSignersKey = 'allowed_signers';

export interface AllowedSigner {
  /** Counts from 1. */
  readonly line: number;
  /** Patterns, `alice@example.com,*@ops.example.com`. */
  readonly principals: string;
  readonly key: SshKey;
  /** The key is a CA's: its certificates may sign, not it itself. */
  readonly isAuthority: boolean;
  /** Patterns of what may be signed; undefined for anything. */
  readonly namespaces: string | undefined;
  /** Seconds since the epoch, both included; undefined for no limit. */
  readonly validAfter: number | undefined;
  readonly validBefore: number | undefined;
}

type Options = Pick<AllowedSigner, 'isAuthority' | 'namespaces' | 'validAfter' | 'validBefore'>;
type Draft = { -readonly [Field in keyof Options]: Options[Field] };

/** Every line that is not empty or a comment. Throws PlumblineError VerifyKeysInvalid with all faulty lines. */
export function readAllowedSigners(text: string): AllowedSigner[] {
  const signers: AllowedSigner[] = [];
  const faults: Fault[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const content = raw.replace(/\r$/, '').replace(/^[ \t]+/, '');
    if (content === '' || content.startsWith('#')) continue;
    const line = index + 1;
    try {
      signers.push(readLine(content, line));
    } catch (error) {
      if (!(error instanceof PlumblineError)) throw error;
      faults.push(...error.faults);
    }
  }
  if (faults.length > 0) throw new PlumblineError(faults);
  return signers;
}

function readLine(content: string, line: number): AllowedSigner {
  const fail: Fail = (message) =>
    new PlumblineError({
      reason: 'VerifyKeysInvalid',
      message: `line ${line} of ${allowedSignersKey} in the Secret of spec.verify: ${message}`,
      remedy: 'Correct the line: PRINCIPALS [OPTIONS] KEYTYPE KEY, see ALLOWED SIGNERS in ssh-keygen(1).',
    });
  // A first word in quotes may hold spaces.
  const [, quoted, bare = '', rest = ''] = /^(?:"([^"]*)"|([^ \t"][^ \t]*))(?:[ \t]+(.*))?$/.exec(content) ?? [];
  const principals = quoted ?? bare;
  if (principals === '') throw fail('it does not begin with principals');
  const bareKey = readKey(rest, fail);
  if (bareKey !== undefined) return { line, principals, key: bareKey, ...noOptions() };
  const end = endOfOptions(rest);
  const key = end === undefined ? undefined : readKey(rest.slice(end).replace(/^[ \t]+/, ''), fail);
  if (key === undefined) throw fail('it has no key of a type that is known');
  return { line, principals, key, ...readOptions(rest.slice(0, end), fail) };
}

/** `ssh-ed25519 AAAA… comment`; undefined when the text does not begin with the type of a key. */
function readKey(text: string, fail: Fail): SshKey | undefined {
  const [, type = '', base64 = ''] = /^([^ \t]+)[ \t]+([^ \t]+)/.exec(text) ?? [];
  if (type.endsWith('-cert-v01@openssh.com')) throw fail('it states a certificate: state the key of its CA, with cert-authority');
  if (!isSshKeyType(type)) return undefined;
  const blob = Buffer.from(base64, 'base64');
  if (blob.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, '')) throw fail('the base64 of its key is broken');
  const key = readSshKey(blob, (message) => fail(`its key is broken: ${message}`));
  if (key.type !== type) throw fail(`it says ${type}, and its key is of type ${key.type}`);
  return key;
}

/** Where the first blank outside of quotes is; undefined when there is none. */
function endOfOptions(text: string): number | undefined {
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\\' && text[at + 1] === '"') at += 1;
    else if (char === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (char === ' ' || char === '\t')) return at;
  }
  return undefined;
}

function noOptions(): Draft {
  return { isAuthority: false, namespaces: undefined, validAfter: undefined, validBefore: undefined };
}

function readOptions(text: string, fail: Fail): Options {
  const options = noOptions();
  let rest = text;
  for (;;) {
    const [whole, flag, name = '', quoted = ''] = /^(?:(cert-authority)|([a-z-]+)="((?:[^"\\]|\\.)*)")(?=,|$)/i.exec(rest) ?? [];
    if (whole === undefined) throw fail(`its options go wrong at ${inQuotes(rest, 40)}`);
    if (flag === undefined) setOption(options, name.toLowerCase(), quoted.replaceAll('\\"', '"'), fail);
    else options.isAuthority = true;
    rest = rest.slice(whole.length);
    if (rest === '') break;
    rest = rest.slice(1);
  }
  const { validAfter, validBefore } = options;
  if (validAfter !== undefined && validBefore !== undefined && validBefore <= validAfter)
    throw fail('valid-before is not after valid-after');
  return options;
}

function setOption(options: Draft, name: string, value: string, fail: Fail): void {
  const once = (set: unknown): void => {
    if (set !== undefined) throw fail(`it states ${name} twice`);
  };
  switch (name) {
    case 'namespaces':
      once(options.namespaces);
      options.namespaces = value;
      return;
    case 'valid-after':
      once(options.validAfter);
      options.validAfter = readTime(value, name, fail);
      return;
    case 'valid-before':
      once(options.validBefore);
      options.validBefore = readTime(value, name, fail);
      return;
    default:
      throw fail(`the option ${inQuotes(name, 40)} is not known`);
  }
}

/** YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with or without Z → seconds since the epoch. */
function readTime(text: string, name: string, fail: Fail): number {
  const [, year = '', month = '', day = '', hour = '00', minute = '00', second = '00'] =
    /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?Z?$/i.exec(text) ?? [];
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = Date.parse(iso);
  // Date takes the 31st of February for the 3rd of March.
  if (Number.isNaN(time) || new Date(time).toISOString() !== iso || time <= 0)
    throw fail(`${name} is not a time as YYYYMMDD[HHMM[SS]][Z]: ${inQuotes(text, 40)}`);
  return time / 1000;
}
