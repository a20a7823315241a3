/** JSON as the API server speaks it: integers that a double cannot hold stay exact, as bigint. */

/** Only a run of 16 digits can be an integer above 2^53; texts without one take the fast way. */
const longDigits = /[0-9]{16}/;
const integer = /^-?[0-9]+$/;

/** What Node 24 has and TypeScript's library does not know yet: the reviver's source text, and raw JSON. */
const exactJson = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
};

/** JSON.parse; integers outside the safe range become bigint. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  return longDigits.test(text) ? exactJson.parse(text, exactInteger) : JSON.parse(text);
}

/** JSON.stringify; bigint is written as the integer that it is. `value` must be JSON but for that. */
export function stringifyJson(value: unknown): string {
  return holdsBigint(value) ? JSON.stringify(value, rawInteger) : JSON.stringify(value);
}

function exactInteger(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const { source } = context;
  return source !== undefined && integer.test(source) ? BigInt(source) : value;
}

function rawInteger(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? exactJson.rawJSON(value.toString()) : value;
}

function holdsBigint(value: unknown): boolean {
  if (typeof value === 'bigint') return true;
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) ? value.some(holdsBigint) : Object.values(value).some(holdsBigint);
}
