/** Plain JSON values: what they are, and fields by any name. */

/** A mapping, as opposed to a list, a scalar or null. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sets a field as data, whatever its name: `__proto__` too. */
export function setField(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  else object[name] = value;
}

/** The mapping without these fields. */
export function withoutFields(object: Readonly<Record<string, unknown>>, names: ReadonlySet<string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.has(name)));
}

/** `a number`, `a list`: what a person would call the type. */
export function typeText(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  const names: Readonly<Record<string, string>> = { bigint: 'a number', number: 'a number', string: 'a string', boolean: 'a boolean' };
  return names[typeof value] ?? 'a mapping';
}

/** `metadata.labels["app.kubernetes.io/name"]`, `items[3].kind`. */
export function pathText(path: readonly (string | number)[]): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(part)) return `[${JSON.stringify(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join('');
}
