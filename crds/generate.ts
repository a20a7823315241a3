/**
 * Writes what is generated from the CRD; with --check, writes nothing and fails when a file is stale.
 *
 *     node crds/generate.ts [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { referenceOf } from './reference.ts';
import { readCrd } from './schema.ts';
import { typesOf } from './typescript.ts';
import type { Crd } from './schema.ts';

/** Every generated file, from the root of the project, and its text. */
export function generated(crd: Crd): Readonly<Record<string, string>> {
  return { 'operator/api/types.ts': typesOf(crd), 'docs/reference.md': referenceOf(crd) };
}

const root = new URL('../', import.meta.url);

function main(check: boolean): number {
  const stale = Object.entries(generated(readCrd())).filter(([path, text]) => textOf(path) !== text);
  for (const [path, text] of stale) {
    if (!check) writeFileSync(new URL(path, root), text);
    console.log(check ? `${path} is stale: run node crds/generate.ts` : `${path} written`);
  }
  return check && stale.length > 0 ? 1 : 0;
}

/** Undefined when there is no such file yet. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(new URL(path, root), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

if (import.meta.main) process.exitCode = main(process.argv.includes('--check'));
