/** Pure: the two text formats of a scrape, and which of them a scraper wants (OpenMetrics 1.0; Prometheus text format 0.0.4). */
import type { MetricRow } from './metric-table.ts';

export type Format = 'prometheus' | 'openmetrics';

export interface Negotiated {
  readonly format: Format;
  readonly contentType: string;
}

/** A measurement that a bucket points at. */
export interface Exemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Seconds since the epoch. */
  readonly at: number;
}

/** A histogram's numbers; `counts` is per bucket and not cumulative, its last one beyond the largest bound. */
export interface HistogramValue {
  readonly counts: readonly number[];
  readonly sum: number;
  readonly exemplars?: readonly (Exemplar | undefined)[];
}

const text: Negotiated = { format: 'prometheus', contentType: 'text/plain; version=0.0.4; charset=utf-8' };
const openMetrics = (version: string): Negotiated => ({
  format: 'openmetrics',
  contentType: `application/openmetrics-text; version=${version}; charset=utf-8`,
});
const openMetricsVersions = ['1.0.0', '0.0.1'];
/** A longer header is nobody's who scrapes. */
const maxAccept = 4_096;

/**
 * The format for an Accept header (RFC 9110, 12.5.1): the one of the highest weight, of two alike the one named first;
 * whatever else is asked for, the Prometheus text format.
 */
export function negotiate(accept: string | undefined): Negotiated {
  let best: Negotiated | undefined;
  let weight = 0;
  for (const range of (accept ?? '').slice(0, maxAccept).split(',')) {
    const [media = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const stated = new Map(parameters.map((parameter) => splitAt(parameter, '=')));
    const offer = offered(media, stated.get('version'));
    const q = weightOf(stated.get('q'));
    if (offer === undefined || q <= weight) continue;
    best = offer;
    weight = q;
  }
  return best ?? text;
}

function offered(media: string, version: string | undefined): Negotiated | undefined {
  if (media === 'application/openmetrics-text') {
    if (version === undefined) return openMetrics('1.0.0');
    return openMetricsVersions.includes(version) ? openMetrics(version) : undefined;
  }
  if (media === 'text/plain') return version === undefined || version === '0.0.4' ? text : undefined;
  return media === '*/*' || media === 'text/*' ? text : undefined;
}

function weightOf(q: string | undefined): number {
  if (q === undefined) return 1;
  const weight = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q) ? Number(q) : 0;
  return weight;
}

function splitAt(textWith: string, separator: string): [string, string] {
  const at = textWith.indexOf(separator);
  return at < 0
    ? [textWith, '']
    : [
        textWith.slice(0, at).trim(),
        textWith
          .slice(at + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      ];
}

/** The lines that begin a family. OpenMetrics names a counter's family without `_total`, and tells the unit where the name ends in it. */
export function headOf({ name, type, unit, help }: MetricRow, format: Format): string {
  const family = familyName(name, type, format);
  const told = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  if (format === 'prometheus') return `# HELP ${family} ${told}\n# TYPE ${family} ${type}\n`;
  const unitLine = family.endsWith(`_${unit}`) ? `# UNIT ${family} ${unit}\n` : '';
  return `# TYPE ${family} ${type}\n${unitLine}# HELP ${family} ${told.replaceAll('"', '\\"')}\n`;
}

/** What ends a scrape. */
export function endOf(format: Format): string {
  return format === 'openmetrics' ? '# EOF\n' : '';
}

/** `a="1",b="2"`, escaped. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}="${escaped(value)}"`)
    .join(',');
}

/** One line of a gauge. `labels` as labelsText gives them. */
export function gaugeText({ name }: MetricRow, labels: string, value: number): string {
  return `${name}${inBraces(labels)} ${numberText(value)}\n`;
}

/** The lines of a counter; OpenMetrics has the time since when it counts as well (seconds since the epoch). */
export function counterText({ name, type }: MetricRow, labels: string, value: number, createdAt: number, format: Format): string {
  const line = `${name}${inBraces(labels)} ${numberText(value)}\n`;
  return format === 'prometheus' ? line : `${line}${familyName(name, type, format)}_created${inBraces(labels)} ${numberText(createdAt)}\n`;
}

/** The lines of a histogram, whose bounds read the same in both formats, so that its series are the same. */
export function histogramText(row: MetricRow, labels: string, value: HistogramValue, createdAt: number, format: Format): string {
  const { name, buckets = [] } = row;
  const before = labels === '' ? '' : `${labels},`;
  let lines = '';
  let count = 0;
  for (let index = 0; index <= buckets.length; index += 1) {
    count += value.counts[index] ?? 0;
    const exemplar = format === 'openmetrics' ? value.exemplars?.[index] : undefined;
    const told = exemplar === undefined ? '' : exemplarText(exemplar);
    lines += `${name}_bucket{${before}le="${boundText(buckets[index])}"} ${count}${told}\n`;
  }
  const braces = inBraces(labels);
  lines += `${name}_sum${braces} ${numberText(value.sum)}\n${name}_count${braces} ${count}\n`;
  return format === 'prometheus' ? lines : `${lines}${name}_created${braces} ${numberText(createdAt)}\n`;
}

function familyName(name: string, type: MetricRow['type'], format: Format): string {
  return format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
}

function exemplarText({ labels, value, at }: Exemplar): string {
  return ` # {${labelsText(labels)}} ${numberText(value)} ${at.toFixed(3)}`;
}

function inBraces(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

/** OpenMetrics wants bounds as floats: `1.0`. */
function boundText(bound: number | undefined): string {
  if (bound === undefined) return '+Inf';
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}

function escaped(value: string): string {
  // Nearly none needs it, and there are tens of thousands.
  return /[\\"\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value;
}
