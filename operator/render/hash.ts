/** The hash by which a manifest is known to have changed. */
import { createHash } from 'node:crypto';

/**
 * `v1:` and the first 27 characters (162 bits) of the base64url SHA-256 of the object's canonical JSON: keys in the order of
 * their UTF-16 units, no white space, integers exact. Comments, key order and number formats (`0644`, `420`) change nothing.
 * A null is part of it: to a nullable field of a CRD it is not the same as no field.
 * The letter and number before the colon change only when the same object would get another hash.
 */
export function hashManifest(object: unknown): string {
  return `v1:${createHash('sha256').update(canonicalJson(object)).digest('base64url').slice(0, 27)}`;
}

/** JSON with sorted keys; the same text for the same value. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const fields = value as Readonly<Record<string, unknown>>;
  const parts: string[] = [];
  for (const key of Object.keys(fields).toSorted()) {
    if (fields[key] !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalJson(fields[key])}`);
  }
  return `{${parts.join(',')}}`;
}
