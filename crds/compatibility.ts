/** What a change of the schema would break for those who use it: within v1 it only ever gains optional fields. */
import { isDeepStrictEqual } from 'node:util';
import type { Rule, Schema } from './schema.ts';

type Bound = 'minLength' | 'maxLength' | 'minItems' | 'maxItems' | 'minimum' | 'maximum';

/** Whether a bound may only fall or only rise. */
const bounds: Readonly<Record<Bound, 'fall' | 'rise'>> = {
  minLength: 'fall',
  minItems: 'fall',
  minimum: 'fall',
  maxLength: 'rise',
  maxItems: 'rise',
  maximum: 'rise',
};

/**
 * Every way in which what was valid under `before`, or was filled in by it, would not be so under `after`. Rules cannot
 * be compared by what they mean: a rule that is new to a known field, or reads otherwise, counts.
 */
export function incompatibilities(before: Schema, after: Schema, path = ''): readonly string[] {
  const at = path === '' ? 'the object' : path;
  const found: string[] = [];
  if (before.type !== after.type) return [`${at}: type ${before.type} became ${after.type}`];
  if (before.format !== after.format) found.push(`${at}: format ${before.format ?? 'any'} became ${after.format ?? 'any'}`);
  if (before.nullable === true && after.nullable !== true) found.push(`${at}: can no longer be null`);
  if (!isDeepStrictEqual(before.default, after.default)) {
    found.push(`${at}: default ${JSON.stringify(before.default)} became ${JSON.stringify(after.default)}`);
  }
  if (after.pattern !== undefined && before.pattern !== after.pattern) found.push(`${at}: pattern ${after.pattern} is new`);
  for (const bound of Object.keys(bounds) as Bound[]) {
    if (isNarrower(bound, before[bound], after[bound])) found.push(`${at}: ${bound} ${before[bound] ?? 'none'} became ${after[bound]}`);
  }
  found.push(...enumFaults(before, after, at), ...ruleFaults(before, after, at));
  for (const part of ['x-kubernetes-list-type', 'x-kubernetes-list-map-keys'] as const) {
    if (!isDeepStrictEqual(before[part], after[part])) found.push(`${at}: ${part} changed`);
  }
  for (const name of after.required ?? []) {
    if (before.required?.includes(name) !== true) found.push(`${path === '' ? '' : `${path}.`}${name}: is newly required`);
  }
  if (before.properties !== undefined && after.properties === undefined) found.push(`${at}: lost its fields`);
  for (const [name, inner] of Object.entries(before.properties ?? {})) {
    const now = after.properties?.[name];
    const below = path === '' ? name : `${path}.${name}`;
    found.push(...(now === undefined ? [`${below}: was removed`] : incompatibilities(inner, now, below)));
  }
  if (before.items !== undefined && after.items !== undefined) found.push(...incompatibilities(before.items, after.items, `${path}[]`));
  return found;
}

function isNarrower(bound: Bound, before: number | undefined, after: number | undefined): boolean {
  if (after === undefined) return false;
  if (before === undefined) return true;
  return bounds[bound] === 'rise' ? after < before : after > before;
}

function enumFaults(before: Schema, after: Schema, at: string): readonly string[] {
  if (after.enum === undefined) return [];
  if (before.enum === undefined) return [`${at}: takes only ${after.enum.join(', ')} now`];
  const known = after.enum;
  return before.enum.filter((value) => !known.includes(value)).map((value) => `${at}: no longer takes ${value}`);
}

function ruleFaults(before: Schema, after: Schema, at: string): readonly string[] {
  const known = new Set((before['x-kubernetes-validations'] ?? []).map(({ rule }: Rule) => rule));
  return (after['x-kubernetes-validations'] ?? []).filter(({ rule }) => !known.has(rule)).map(({ rule }) => `${at}: rule ${rule} is new`);
}

/** The schema without its descriptions, as it is kept in v1.baseline.json: what later schemas are measured against. */
export function baselineOf(schema: Schema): string {
  return `${JSON.stringify(withoutDescriptions(schema), null, 2)}\n`;
}

function withoutDescriptions(schema: Schema): Schema {
  const { description: _description, properties, items, ...rest } = schema;
  return {
    ...rest,
    ...(properties === undefined
      ? {}
      : { properties: Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, withoutDescriptions(inner)])) }),
    ...(items === undefined ? {} : { items: withoutDescriptions(items) }),
  };
}
