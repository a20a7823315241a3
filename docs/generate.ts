/**
 * Writes the tables of docs/operations.md, between their markers, from what the code says; with --check, writes nothing
 * and fails when one is stale.
 *
 *     node docs/generate.ts [--check]
 */
import process from 'node:process';
import { bringUpToDate, readText } from '../crds/generate.ts';
import type { Files } from '../crds/generate.ts';
import { table } from '../crds/reference.ts';
import { alerts } from '../charts/monitoring/alerts.ts';
import type { Alert } from '../charts/monitoring/alerts.ts';
import { recordings } from '../charts/monitoring/recordings.ts';
import { flags } from '../operator/config.ts';
import type { Flag } from '../operator/config.ts';
import { catalogue, conditionReasons, eventReasons } from '../operator/errors.ts';
import { processRows, sourceRows } from '../operator/report/metric-table.ts';
import type { MetricRow } from '../operator/report/metric-table.ts';

const page = 'docs/operations.md';
const metricsPage = 'docs/metrics.md';

/** Every page of docs/ with generated parts, as it should be. */
export function generatedPages(): Files {
  return {
    [page]: withBlocks(readText(page) ?? '', blocks()),
    [metricsPage]: withBlocks(readText(metricsPage) ?? '', metricBlocks()),
  };
}

/**
 * The text with each block between `<!-- generated: NAME -->` and `<!-- end -->`. Throws when a block has no place, or a
 * place no block.
 */
export function withBlocks(text: string, named: Readonly<Record<string, string>>): string {
  const places = new Set<string>();
  const result = text.replace(
    /(<!-- generated: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_match, start: string, name: string, end: string) => {
      const block = named[name];
      if (block === undefined) throw new Error(`nothing is generated for the place ${name}`);
      places.add(name);
      return `${start}\n${block}\n\n${end}`;
    },
  );
  const homeless = Object.keys(named).filter((name) => !places.has(name));
  if (homeless.length > 0) throw new Error(`there is no place for ${homeless.join(', ')}`);
  return result;
}

const code = (text: string): string => `\`${text}\``;

function metricBlocks(): Readonly<Record<string, string>> {
  const rows = (metrics: Readonly<Record<string, MetricRow>>): string =>
    table(
      ['metric', 'type', 'unit', 'labels', 'meaning'],
      Object.values(metrics).map(({ name, type, unit, labels, help }) => [
        code(name),
        type,
        unit === '1' ? '' : unit,
        labels
          .filter((label) => metrics !== sourceRows || !['namespace', 'source'].includes(label))
          .map(code)
          .join(', '),
        help,
      ]),
    );
  const recorded = table(
    ['recording rule', 'meaning'],
    recordings.map(({ record, means }) => [code(record), means]),
  );
  return { sources: rows(sourceRows), process: rows(processRows), recordings: recorded };
}

/** A section of its own: the alert's `runbook_url` ends in its heading. */
function runbookOf({ name, severity, expr, forSeconds, runbook }: Alert): string {
  const lasting = forSeconds === 0 ? '' : `, for ${forSeconds / 60} minutes`;
  return [
    `### ${name}`,
    runbook.means,
    `Fires (${severity}) on ${code(expr)}${lasting}.`,
    `How to look:`,
    ['```sh', ...runbook.look, '```'].join('\n'),
    `What to do: ${runbook.act}`,
  ].join('\n\n');
}

function blocks(): Readonly<Record<string, string>> {
  const said = (words: Readonly<Record<string, string>>): string =>
    table(
      ['reason', 'meaning'],
      Object.entries(words).map(([reason, meaning]) => [code(reason), meaning]),
    );
  return {
    flags: table(
      ['flag', 'variable', 'default', 'meaning'],
      (flags satisfies readonly Flag[]).map((flag) => [
        code(`--${flag.name}${flag.value === undefined ? '' : `=${flag.value}`}`),
        flag.env === undefined ? '' : code(flag.env),
        flag.default === '' ? '' : code(flag.default),
        flag.meaning,
      ]),
    ),
    reasons: table(
      ['reason', 'meaning', 'what to do', ''],
      Object.entries(catalogue).map(([reason, { meaning, remedy, retry }]) => [
        code(reason),
        meaning,
        remedy,
        retry === 'edit' ? 'stalled' : 'retried',
      ]),
    ),
    conditions: said(conditionReasons),
    events: said(eventReasons),
    alerts: alerts.map(runbookOf).join('\n\n'),
  };
}

if (import.meta.main) process.exitCode = bringUpToDate(generatedPages(), 'node docs/generate.ts', process.argv.includes('--check'));
