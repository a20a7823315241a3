import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { dump } from 'js-yaml';
import { dashboards } from '../../charts/monitoring/dashboards/index.ts';
import { dashboardOf } from '../../charts/monitoring/dashboards/panels.ts';
import type { PanelSpec } from '../../charts/monitoring/dashboards/panels.ts';
import { recordings } from '../../charts/monitoring/recordings.ts';
import { metricTable } from '../../operator/report/metric-table.ts';
import { asked, metricsIn } from './promql.ts';
import { ensurePrometheus, promtool } from './tools.ts';

let folder = '';
beforeAll(async () => {
  await ensurePrometheus();
  folder = await mkdtemp(join(tmpdir(), 'plumbline-dashboards-'));
}, 600_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A panel of a dashboard as it is shipped, read by path. */
// oxlint-disable-next-line typescript/no-explicit-any
type Json = any;

describe.each(Object.entries(dashboards))('%s', (name, spec) => {
  // As it is in the file.
  const built: Json = JSON.parse(JSON.stringify(dashboardOf(spec)));
  const panels: readonly Json[] = built.panels;
  const specs: readonly PanelSpec[] = spec.rows.flatMap((row) => row.panels);
  const exprs: readonly string[] = [
    ...panels.flatMap((panel) => panel.targets.map((target: Json) => target.expr)),
    ...(built.annotations?.list ?? []).map((one: Json) => one.expr),
  ];

  test('has a title, an id and panels of its own', () => {
    expect([built.uid, built.title, built.tags]).toEqual([`plumbline-${name}`, expect.stringMatching(/^Plumbline \/ /), ['plumbline']]);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(panels).toHaveLength(specs.length);
    for (const { title, description, datasource } of panels) {
      expect([title, description]).toEqual([expect.stringMatching(/^[A-Z]/), expect.stringMatching(/^[A-Z].*\.$/)]);
      expect(datasource).toEqual({ type: 'prometheus', uid: '${datasource}' });
    }
  });

  test('lays its panels out without overlap, and leaves no row open', () => {
    const cells = new Set<string>();
    for (const { gridPos } of panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(cells.has(`${x} ${y}`)).toBe(false);
          cells.add(`${x} ${y}`);
        }
      }
    }
    const bottom = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
    expect(cells.size).toBe(24 * bottom);
  });

  test('says the unit of each number, as its query has it', () => {
    for (const [index, panel] of panels.entries()) {
      const { defaults, overrides } = panel.fieldConfig;
      const shown = specs[index] as PanelSpec;
      if (shown.kind !== 'table') expect([panel.title, defaults.unit]).toEqual([panel.title, expect.any(String)]);
      else {
        for (const column of shown.columns.filter(({ field }) => field.startsWith('Value'))) {
          expect([column.title, column.unit !== undefined || column.words !== undefined]).toEqual([column.title, true]);
          const override = overrides.find((one: Json) => one.matcher.options === column.title);
          if (column.unit !== undefined) expect(override.properties).toContainEqual({ id: 'unit', value: column.unit });
        }
      }
      for (const [at, { expr }] of shown.queries.entries()) {
        const unit = shown.kind === 'table' ? shown.columns.find(({ field }) => field === `Value #${'ABCDEFGH'[at]}`)?.unit : defaults.unit;
        // A time that passed is in seconds; a moment is milliseconds since the epoch, as Grafana wants it.
        if (/_seconds(_sum)?\{/.test(expr) && unit !== undefined)
          expect([expr, unit]).toEqual([expr, expr.endsWith(' * 1000') ? 'dateTimeAsIso' : 's']);
        if (expr.includes('rate(') && unit !== undefined)
          expect([expr, unit]).toEqual([expr, expect.stringMatching(/^(cps|reqps|s|percentunit)$/)]);
      }
    }
  });

  test('asks what Prometheus can read', async () => {
    const rules = exprs.map((expr, index) => ({
      record: `test:${index}`,
      expr: asked(expr, { namespace: '.+', source: '.+', range: '5m' }),
    }));
    const path = join(folder, `${name}.yaml`);
    await writeFile(path, dump({ groups: [{ name, rules }] }));
    expect(await promtool(['check', 'rules', path])).toMatchObject({ status: 0 });
  });

  test('asks for metrics and labels that there are', () => {
    const known = new Map<string, readonly string[]>(metricTable.map((row) => [row.name, row.labels]));
    for (const { record } of recordings) known.set(record, ['namespace', 'source', 'reason', 'result']);
    for (const expr of exprs) {
      expect(metricsIn(expr).length).toBeGreaterThan(0);
      for (const metric of metricsIn(expr)) expect([metric, known.has(metric)]).toEqual([metric, true]);
      for (const [, metric = '', matchers = ''] of expr.matchAll(/(plumbline_\w+?)(?:_bucket|_sum|_count)?\{(.*?)\}/g)) {
        for (const [, label] of matchers.matchAll(/(\w+)=/g))
          expect([metric, known.get(metric)]).toEqual([metric, expect.arrayContaining([label])]);
      }
    }
  });

  test('keeps to the chosen sources, wherever a metric is about one', () => {
    const ofSources = new Set(metricTable.filter((row) => row.labels.includes('source')).map((row) => row.name));
    for (const expr of exprs) {
      for (const [, metric = '', matchers] of expr.matchAll(/((?:[a-z_]+:)?plumbline_\w+)(\{.*?\})?/g)) {
        if (!ofSources.has(metric.replace(/_(bucket|sum|count)$/, '')) && !metric.includes(':')) continue;
        expect([expr, matchers]).toEqual([expr, expect.stringContaining('namespace=~"$namespace",source=~"$source"')]);
      }
    }
  });

  test('links to dashboards that there are, and to commits by the address of the forge', () => {
    const uids = Object.values(dashboards).map(({ uid }) => uid);
    const links: readonly Json[] = panels.flatMap((panel) => [
      ...(panel.fieldConfig.defaults.links ?? []),
      ...panel.fieldConfig.overrides.flatMap((one: Json) =>
        one.properties.filter((property: Json) => property.id === 'links').flatMap((property: Json) => property.value),
      ),
    ]);
    for (const { url } of links) {
      const [, uid] = /^\/d\/([\w-]+)\?/.exec(url) ?? [];
      if (uid !== undefined) expect(uids).toContain(uid);
      else expect(url).toMatch(/^\$\{(__field\.labels\.commit_url|__data\.fields\["Commit page"\])\}\$\{/);
    }
    // Whatever a link takes from its row is a column of that table.
    for (const one of specs) {
      if (one.kind !== 'table') continue;
      const titles = one.columns.map(({ title }) => title);
      for (const { link } of one.columns) {
        for (const [, dotted, quoted] of (link?.url ?? '').matchAll(/__data\.fields(?:\.(\w+)|\["(.*?)"\])/g))
          expect(titles).toContain(dotted ?? quoted);
      }
    }
  });

  test('shows each column of a table once, and none that no query gives', () => {
    for (const one of specs) {
      if (one.kind !== 'table') continue;
      const titles = one.columns.map(({ title }) => title);
      expect(new Set(titles).size).toBe(titles.length);
      const values = one.queries.map((_, index) => `Value #${'ABCDEFGH'[index]}`);
      for (const { field } of one.columns) {
        const given = values.includes(field) || one.queries.some(({ expr }) => new RegExp(`by \\([^)]*\\b${field}\\b`).test(expr));
        expect([field, given]).toEqual([field, true]);
      }
    }
  });
});

test('a row that is not full is a fault', () => {
  const spec = Object.values(dashboards)[0];
  if (spec === undefined) throw new Error('there is no dashboard');
  const rows = spec.rows.map((row) => ({ ...row, panels: row.panels.slice(1) }));
  expect(() => dashboardOf({ ...spec, rows })).toThrow('columns wide');
});
