/** The CRD as tables for people. */
import {
  allowPruneAnnotation,
  applyAnnotation,
  atOrBefore,
  commitAnnotation,
  commitBoundAnnotation,
  forceAnnotation,
  hashAnnotation,
  ignoreAnnotation,
  originAnnotation,
  pruneAnnotation,
  requestedAtAnnotation,
} from '../operator/api/names.ts';
import { property, schemaOf } from './schema.ts';
import type { Crd, Schema } from './schema.ts';

interface Row {
  readonly path: string;
  readonly schema: Schema;
  readonly required: boolean;
}

const sourceAnnotations: readonly (readonly string[])[] = [
  [`\`${requestedAtAnnotation}\``, 'Any new value: reconcile now, and read the Secrets anew.'],
  [`\`${allowPruneAnnotation}: COMMIT\``, 'Lets go a prune that is held (reason PruneHeld) for this commit. The operator removes it.'],
];

const objectAnnotations: readonly (readonly string[])[] = [
  [`\`${pruneAnnotation}: disabled\``, 'The object is never deleted, only let go; counts on the live object as well.'],
  [
    `\`${ignoreAnnotation}: "true"\``,
    'The object is left out of apply, correction and prune; it stays a member. Counts on the live object as well.',
  ],
  [`\`${forceAnnotation}: enabled\``, 'Where a field that cannot be changed differs, the object is deleted and made anew.'],
  [`\`${applyAnnotation}: IfNotPresent\``, 'The object is created when it is not there, and never changed.'],
];

const writtenAnnotations: readonly (readonly string[])[] = [
  [`\`${commitAnnotation}\``, 'The commit at which its manifest last changed, as it was known when the object was written.'],
  [
    `\`${commitBoundAnnotation}: ${atOrBefore}\``,
    'Beside it where history was not followed further: it changed at that commit, or before.',
  ],
  [`\`${originAnnotation}\``, 'File and line of its manifest at that time, as `prod/web.yaml:12`.'],
  [`\`${hashAnnotation}\``, 'The hash of its manifest: an object whose manifest has the same is not written.'],
];

/** The text of docs/reference.md. */
export function referenceOf(crd: Crd): string {
  const schema = schemaOf(crd);
  const { names, group } = crd.spec;
  const shortNames = (names.shortNames ?? []).map((name) => `\`${name}\``).join(', ');
  return (
    [
      `# ${names.kind}`,
      `Generated from \`crds/plumbline.dev_gitopssources.yaml\` by \`node crds/generate.ts\`; a test fails when it is stale.`,
      `\`apiVersion: ${group}/v1\`, \`kind: ${names.kind}\`; ${crd.spec.scope.toLowerCase()}; short name ${shortNames}. ${schema.description ?? ''} ` +
        'Within v1 it only ever gains optional fields.',
      '## spec',
      'Whatever has a default is shown with it by `kubectl get gos NAME -o yaml`. A field with a star must be stated.',
      fieldTable(rowsOf('spec', property(schema, 'spec'))),
      '## What is refused',
      'The API server itself refuses a source that breaks one of these rules, and answers with the sentence.',
      ruleTable([{ path: 'metadata.name', schema: rulesOnly(schema), required: true }, ...rowsWithSelf('spec', property(schema, 'spec'))]),
      '## status',
      property(schema, 'status').description ?? '',
      fieldTable(rowsOf('status', property(schema, 'status'))),
      '## Columns',
      'What `kubectl get gos` shows, and with `-o wide`.',
      columnTable(crd),
      '## Annotations',
      'On a source, by people:',
      table(['annotation', 'meaning'], sourceAnnotations),
      'On an object, by people (in git, where not said otherwise):',
      table(['annotation', 'meaning'], objectAnnotations),
      'On every applied object, by the operator:',
      table(['annotation', 'meaning'], writtenAnnotations),
    ].join('\n\n') + '\n'
  );
}

/** Every field below `path`, outer before inner. */
function rowsOf(path: string, schema: Schema): readonly Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const row = { path: `${path}.${name}`, schema: inner, required: schema.required?.includes(name) === true };
    const below = inner.type === 'array' && inner.items?.type === 'object' ? rowsOf(`${row.path}[]`, inner.items) : rowsOf(row.path, inner);
    return [row, ...below];
  });
}

/** Every schema from `path` on, items of lists too: whatever can have a rule. */
function rowsWithSelf(path: string, schema: Schema): readonly Row[] {
  return [
    { path, schema, required: true },
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => rowsWithSelf(`${path}.${name}`, inner)),
    ...(schema.items === undefined ? [] : rowsWithSelf(`${path}[]`, schema.items)),
  ];
}

/** The rules of a schema without its fields. */
function rulesOnly(schema: Schema): Schema {
  return { type: 'object', 'x-kubernetes-validations': schema['x-kubernetes-validations'] ?? [] };
}

function fieldTable(rows: readonly Row[]): string {
  return table(
    ['field', 'type', 'default', 'meaning'],
    rows.map(({ path, schema, required }) => [
      `\`${path}\`${required && path.startsWith('spec') ? ' \\*' : ''}`,
      typeText(schema),
      schema.default === undefined || schema.type === 'object' ? '' : `\`${defaultText(schema.default)}\``,
      [
        schema.description ?? '',
        ...(schema.items !== undefined && schema.items.type !== 'object' ? [schema.items.description ?? ''] : []),
      ].join(' '),
    ]),
  );
}

function ruleTable(rows: readonly Row[]): string {
  return table(
    ['field', 'answer'],
    rows.flatMap(({ path, schema }) =>
      (schema['x-kubernetes-validations'] ?? []).map(({ message, fieldPath }) => [`\`${path}${fieldPath ?? ''}\``, message]),
    ),
  );
}

function columnTable(crd: Crd): string {
  const columns = crd.spec.versions.find(({ name }) => name === 'v1')?.additionalPrinterColumns ?? [];
  return table(
    ['column', 'field', 'meaning'],
    columns.map((column) => [
      `${column.name}${(column.priority ?? 0) > 0 ? ' (wide)' : ''}`,
      `\`${column.jsonPath}\``,
      column.description ?? 'How old the source is.',
    ]),
  );
}

function typeText(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.type === 'array')
    return `list of ${schema.items === undefined ? 'anything' : plural(schema.items)}, at most ${schema.maxItems}`;
  if (schema.format === 'date-time') return 'time (RFC 3339)';
  return schema.type;
}

function defaultText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function plural(schema: Schema): string {
  return `${schema.type}s`;
}

/** A Markdown table; pipes in cells are escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
