import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { metricTable } from '../../operator/report/metric-table.ts';
import { ensurePrometheus, promtool } from '../prometheus/tools.ts';
import { applied, seen, statusAfter } from './outcomes.ts';
import { everything, fresh, images, openMetricsAccept, spec, textOf } from './scrapes.ts';

let folder = '';
beforeAll(async () => {
  await ensurePrometheus();
  folder = await mkdtemp(join(tmpdir(), 'plumbline-scrape-'));
}, 600_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Family {
  readonly type: string | undefined;
  readonly help: string | undefined;
  readonly unit: string | undefined;
  readonly names: ReadonlySet<string>;
  readonly labels: ReadonlySet<string>;
}

/** What a scrape tells of each family, in its order: families are whole, so what follows a TYPE line belongs to it. */
function familiesOf(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, Family>();
  const lines = text.split('\n');
  const find = (what: string, name: string) =>
    lines.find((line) => line.startsWith(`# ${what} ${name} `))?.slice(`# ${what} ${name} `.length);
  let current: { names: Set<string>; labels: Set<string> } | undefined;
  for (const line of lines) {
    const [, family] = /^# TYPE (\S+) /.exec(line) ?? [];
    if (family !== undefined) {
      expect(families.has(family)).toBe(false);
      current = { names: new Set(), labels: new Set() };
      families.set(family, { ...current, type: find('TYPE', family), help: find('HELP', family), unit: find('UNIT', family) });
    } else if (!line.startsWith('#') && line !== '') {
      current?.names.add(/^[^{ ]+/.exec(line)?.[0] ?? '');
      for (const [, label = ''] of line.replace(/ # .*/, '').matchAll(/[{,]([a-z_]+)="/g)) if (label !== 'le') current?.labels.add(label);
    }
  }
  return families;
}

/** One source that is served, and one that is suspended. */
function withEverything() {
  const metrics = fresh();
  everything(metrics);
  metrics.sourceStatus('shop/paused', {});
  metrics.sourceSpec('shop/paused', { ...spec, suspend: true }, () => undefined);
  return metrics;
}

const suffixes = { gauge: [''], counter: [''], histogram: ['_bucket', '_sum', '_count'] } as const;

describe('a scrape has every metric of the table, with its type, meaning and labels, and no other', () => {
  test('in the Prometheus text format', async () => {
    const metrics = withEverything();
    const families = familiesOf(await textOf(metrics));
    expect([...families.keys()]).toEqual(metricTable.map(({ name }) => name));
    for (const { name, type, help, labels } of metricTable) {
      const names = new Set(suffixes[type].map((suffix) => `${name}${suffix}`));
      expect({ name, ...families.get(name) }).toEqual({ name, type, help, unit: undefined, names, labels: new Set(labels) });
    }
  });

  test('in OpenMetrics', async () => {
    const metrics = withEverything();
    const text = await textOf(metrics, openMetricsAccept);
    expect(text).toMatch(/\n# EOF\n$/);
    expect(text).not.toMatch(/\n\n/);
    const families = familiesOf(text);
    for (const { name, type, unit, help, labels } of metricTable) {
      const family = type === 'counter' ? name.replace(/_total$/, '') : name;
      const names = [...suffixes[type].map((suffix) => `${name}${suffix}`), ...(type === 'gauge' ? [] : [`${family}_created`])];
      const told = family.endsWith(`_${unit}`) ? unit : undefined;
      expect({ name, ...families.get(family) }).toEqual({ name, type, help, unit: told, names: new Set(names), labels: new Set(labels) });
    }
    expect(families.size).toBe(metricTable.length);
  });

  test('whatever was asked for before', async () => {
    const metrics = fresh();
    everything(metrics);
    const withoutProcess = (text: string) => text.replace(/^(process|nodejs)_.*$/gm, '');
    const before = withoutProcess(await textOf(metrics));
    const [open] = await Promise.all([textOf(metrics, openMetricsAccept), textOf(metrics), textOf(metrics, openMetricsAccept)]);
    expect(open).toContain('# EOF');
    expect(withoutProcess(await textOf(metrics))).toBe(before);
  });
});

test('each metric of the table has a meaning in a sentence, which says the unit that its name ends in', () => {
  for (const { name, type, unit, help } of metricTable) {
    expect([name, help]).toEqual([name, expect.stringMatching(/^[A-Z][^\n]*\.$/)]);
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    const [, inName] = /_(seconds|bytes)(_total)?$/.exec(name) ?? [];
    expect([name, inName ?? unit]).toEqual([name, unit]);
    if (inName !== undefined) expect(help).toContain(inName);
  }
});

const strange = 'x"\n\\y{}, # \u{1F600}';

describe("Prometheus' own parsers take it", () => {
  async function scrapes() {
    const metrics = fresh();
    everything(metrics);
    metrics.sourceStatus('shop/strange', statusAfter(applied(seen('a', 0, strange))), { images });
    return { text: await textOf(metrics), open: await textOf(metrics, openMetricsAccept) };
  }

  test('as text, without a complaint', async () => {
    expect(await promtool(['check', 'metrics'], (await scrapes()).text)).toEqual({ status: 0, out: '', err: '' });
  });

  test('as OpenMetrics, every sample of it', async () => {
    const { open } = await scrapes();
    // That command wants a time for each sample.
    let samples = 0;
    const timed = open.replace(/^([^#\n].*? [^ ]+?)( # .*)?$/gm, (_, sample: string, exemplar = '') => {
      samples += 1;
      return `${sample} 1700000000${exemplar}`;
    });
    await writeFile(join(folder, 'scrape.om'), timed);
    const made = await promtool(['tsdb', 'create-blocks-from', 'openmetrics', join(folder, 'scrape.om'), join(folder, 'data')]);
    expect(made).toMatchObject({ status: 0, err: '' });
    await mkdir(join(folder, 'data/wal')); // without which nothing is dumped
    const dumped = await promtool(['tsdb', 'dump', join(folder, 'data')]);
    expect(dumped.out.trim().split('\n')).toHaveLength(samples);
    expect(dumped.out).toContain('ref="x\\"\\n\\\\y{}, # \u{1F600}"');
  });

  test('and what is broken not', async () => {
    const { text } = await scrapes();
    expect((await promtool(['check', 'metrics'], text.replace('stage="applied"', 'stage="applied'))).status).not.toBe(0);
  });
});

describe('a thousand sources', () => {
  const many = () => {
    const metrics = fresh();
    for (let index = 0; index < 1_000; index += 1) everything(metrics, `shop/source-${index}`);
    return metrics;
  };

  test('are told in slices, between which the event loop goes on', async () => {
    const metrics = many();
    let rounds = 0;
    let over = false;
    const count = (): void => {
      rounds += 1;
      if (!over) setImmediate(count);
    };
    setImmediate(count);
    const lines = (await textOf(metrics)).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    over = true;
    expect(lines.length).toBeGreaterThan(20_000);
    expect(new Set(lines.map((line) => line.slice(0, line.lastIndexOf(' ')))).size).toBe(lines.length);
    expect(rounds).toBeGreaterThan(2);
  });

  test('that go meanwhile are told whole or not at all', async () => {
    const metrics = many();
    const scraped = textOf(metrics);
    await new Promise((resolve) => setImmediate(resolve));
    metrics.clearSources();
    const perSource = new Map<string, number>();
    for (const [, source = ''] of (await scraped).matchAll(/source="(.*?)"/g)) perSource.set(source, (perSource.get(source) ?? 0) + 1);
    expect(perSource.size).toBeLessThan(1_000);
    expect(new Set(perSource.values()).size).toBeLessThan(2);
  });

  test('many who ask at a time cost no more than one after the other', async () => {
    const metrics = many();
    const [first, ...others] = await Promise.all(Array.from({ length: 20 }, () => metrics.scrape()));
    expect(new Set([first, ...others].map((one) => one?.body)).size).toBeLessThanOrEqual(2);
  });
});
