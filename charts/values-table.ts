/**
 * Writes the chart's README: every value with its default (values.yaml) and what it means (values.schema.json).
 * `node charts/values-table.ts` writes, `--check` fails where it is stale.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CORE_SCHEMA, load } from 'js-yaml';

const chart = join(import.meta.dirname, 'plumbline');
const readmePath = join(chart, 'README.md');

interface ValueSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
}

export interface ChartValue {
  /** `image.repository` */
  readonly path: string;
  readonly defaultValue: unknown;
  readonly meaning: string;
}

/**
 * Every value that the schema describes, in its order. Throws where one has no default or no description, and where
 * values.yaml has one that the schema does not know.
 */
export function chartValues(schema: ValueSchema, defaults: unknown, path = ''): ChartValue[] {
  const given = (defaults ?? {}) as Readonly<Record<string, unknown>>;
  const known = schema.properties ?? {};
  const unknown = Object.keys(given).find((key) => known[key] === undefined);
  if (unknown !== undefined) throw new Error(`${path}${unknown} is in values.yaml and not in values.schema.json`);
  return Object.entries(known).flatMap(([key, value]): ChartValue[] => {
    const at = `${path}${key}`;
    // helm passes it to every chart; it has no default.
    if (at === 'global') return [];
    if (!(key in given)) throw new Error(`${at} has no default in values.yaml`);
    if (value.properties !== undefined) return chartValues(value, given[key], `${at}.`);
    if (value.description === undefined) throw new Error(`${at} has no description in values.schema.json`);
    const choice = value.enum === undefined ? '' : ` One of ${value.enum.map((one) => `\`${one}\``).join(', ')}.`;
    return [{ path: at, defaultValue: given[key], meaning: value.description + choice }];
  });
}

/** The chart's README. */
export function chartReadme(values: readonly ChartValue[]): string {
  const rows = values.map(
    ({ path, defaultValue, meaning }) => `| \`${path}\` | \`${JSON.stringify(defaultValue)}\` | ${meaning.replaceAll('|', '\\|')} |`,
  );
  return [
    '<!-- Made by charts/values-table.ts from values.yaml and values.schema.json; edit those. -->',
    '# The plumbline chart',
    '',
    'How it is installed, upgraded and removed, and which rights it asks for, is in `docs/operations.md`.',
    '',
    '| value | default | meaning |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

/** The README as it should be. */
export async function wantedReadme(): Promise<string> {
  const [schema, values] = await Promise.all(['values.schema.json', 'values.yaml'].map((file) => readFile(join(chart, file), 'utf8')));
  return chartReadme(chartValues(JSON.parse(schema ?? '') as ValueSchema, load(values ?? '', { schema: CORE_SCHEMA })));
}

if (import.meta.main) {
  const wanted = await wantedReadme();
  if (!process.argv.includes('--check')) {
    await writeFile(readmePath, wanted);
  } else if ((await readFile(readmePath, 'utf8')) !== wanted) {
    process.stderr.write(`${readmePath} is stale: run node charts/values-table.ts\n`);
    process.exitCode = 1;
  }
}
