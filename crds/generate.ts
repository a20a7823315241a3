/**
 * Writes what is generated from the CRD; with --check, writes nothing and fails when a file is stale.
 *
 *     node crds/generate.ts [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { baselineOf, incompatibilities } from './compatibility.ts';
import { referenceOf } from './reference.ts';
import { readCrd, schemaOf } from './schema.ts';
import { typesOf } from './typescript.ts';
import type { Crd, Schema } from './schema.ts';

/** Texts by path from the root of the project. */
export type Files = Readonly<Record<string, string>>;

const root = new URL('../', import.meta.url);

const baseline = 'crds/v1.baseline.json';

/** Everything that is generated from the CRD. Throws where it breaks what v1 promised: a field once released stays. */
export function generatedFrom(crd: Crd): Files {
  const promised = readText(baseline);
  const broken = promised === undefined ? [] : incompatibilities(JSON.parse(promised) as Schema, schemaOf(crd));
  if (broken.length > 0) throw new Error(`v1 only ever gains optional fields:\n${broken.join('\n')}`);
  return { 'operator/api/types.ts': typesOf(crd), 'docs/reference.md': referenceOf(crd), [baseline]: baselineOf(schemaOf(crd)) };
}

/** The paths of those files that are not there or read otherwise. */
export function staleOf(files: Files): readonly string[] {
  return Object.keys(files).filter((path) => readText(path) !== files[path]);
}

/** Writes what is stale, or with `check` only says so; returns the exit status. */
export function bringUpToDate(files: Files, command: string, check: boolean): number {
  const stale = staleOf(files);
  for (const path of stale) {
    if (!check) writeFileSync(new URL(path, root), files[path] ?? '');
    console.log(check ? `${path} is stale: run ${command}` : `${path} written`);
  }
  return check && stale.length > 0 ? 1 : 0;
}

/** The text of a file of the project; undefined when there is none. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(new URL(path, root), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

if (import.meta.main) {
  process.exitCode = bringUpToDate(generatedFrom(readCrd()), 'node crds/generate.ts', process.argv.includes('--check'));
}
