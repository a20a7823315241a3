/** Panels as plain data, and how Grafana's builders make a dashboard of them. */
import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueTextMode,
  ReduceDataOptionsBuilder,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  MappingType,
  QueryVariableBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dashboard, DynamicConfigValue, Panel, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

export interface Query {
  readonly expr: string;
  /** For series: what each is called, as `{{phase}}`. */
  readonly legend?: string;
}

interface Common {
  readonly title: string;
  readonly description: string;
  readonly queries: readonly Query[];
  /** Columns of 24. */
  readonly width: number;
}

/** Grafana's units that are used here. */
export type Unit = 's' | 'none' | 'short' | 'percentunit' | 'dateTimeAsIso' | 'reqps' | 'cps' | 'string';

/** Green up to the first step, then its colour. */
export type Steps = readonly (readonly [from: number, colour: 'green' | 'orange' | 'red'])[];

export interface StatPanel extends Common {
  readonly kind: 'stat';
  readonly unit: Unit;
  readonly steps?: Steps;
  /** Shows what the series is called, not its number. */
  readonly named?: boolean;
  /** A page that a click opens. */
  readonly link?: Link;
  /** Words for numbers. */
  readonly words?: Readonly<Record<string, readonly [text: string, colour: 'green' | 'orange' | 'red']>>;
}

export interface GraphPanel extends Common {
  readonly kind: 'graph';
  readonly unit: Unit;
  /** Bars that stand on each other, where shares matter. */
  readonly bars?: boolean;
  readonly exemplars?: boolean;
}

/** When which of its series was there. */
export interface TimelinePanel extends Common {
  readonly kind: 'timeline';
}

export interface Column {
  /** A label, or `Value #A` of the first query. */
  readonly field: string;
  readonly title: string;
  readonly unit?: Unit;
  readonly steps?: Steps;
  readonly words?: StatPanel['words'];
  readonly link?: Link;
  /** There for links alone. */
  readonly hidden?: boolean;
  readonly width?: number;
}

/** Its queries are asked at one moment and merged by the labels that they share. */
export interface TablePanel extends Common {
  readonly kind: 'table';
  readonly columns: readonly Column[];
}

export interface Link {
  readonly title: string;
  readonly url: string;
}

export type PanelSpec = StatPanel | GraphPanel | TimelinePanel | TablePanel;

export interface RowSpec {
  readonly height: number;
  readonly panels: readonly PanelSpec[];
}

export interface DashboardSpec {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** The first time range, `now-24h`. */
  readonly from: string;
  /** Choose one source, or any number of them. */
  readonly choose: 'one' | 'many';
  readonly annotation?: { readonly name: string; readonly expr: string; readonly title: string; readonly text: string };
  readonly rows: readonly RowSpec[];
}

const datasource = { type: 'prometheus', uid: '${datasource}' };
const widthOfAll = 24;

/** The dashboard as Grafana reads it. Panels of a row stand side by side; widths that do not fill it are a fault. */
export function dashboardOf(spec: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags(['plumbline'])
    .timezone('browser')
    .refresh('30s')
    .time({ from: spec.from, to: 'now' })
    .link(new DashboardLinkBuilder('Plumbline').type(DashboardLinkType.Dashboards).tags(['plumbline']).asDropdown(true).keepTime(true))
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'));
  for (const name of ['namespace', 'source'] as const) builder.withVariable(variableOf(name, spec.choose));
  if (spec.annotation !== undefined) {
    const { name, expr, title, text } = spec.annotation;
    builder.annotation(
      new AnnotationQueryBuilder()
        .name(name)
        .datasource(datasource)
        .enable(true)
        .iconColor('blue')
        .expr(expr)
        .titleFormat(title)
        .textFormat(text)
        .useValueForTime(true),
    );
  }
  let y = 0;
  let id = 0;
  for (const { height, panels } of spec.rows) {
    let x = 0;
    for (const panel of panels) {
      id += 1;
      builder.withPanel(placed(panelOf(panel), { id, x, y, w: panel.width, h: height }));
      x += panel.width;
    }
    if (x !== widthOfAll) throw new Error(`a row of ${spec.title} is ${x} columns wide`);
    y += height;
  }
  return builder.build();
}

function placed(
  builder: cog.Builder<Panel>,
  { id, ...gridPos }: { id: number; x: number; y: number; w: number; h: number },
): cog.Builder<Panel> {
  return { build: () => ({ ...builder.build(), id, gridPos }) };
}

function variableOf(name: 'namespace' | 'source', choose: 'one' | 'many') {
  const of = name === 'source' ? '{namespace=~"$namespace"}' : '';
  const builder = new QueryVariableBuilder(name)
    .label(name === 'source' ? 'Source' : 'Namespace')
    .datasource(datasource)
    .query({ query: `label_values(plumbline_condition${of}, ${name})`, refId: name })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc);
  return choose === 'one' ? builder : builder.multi(true).includeAll(true).allValue('.+').current({ text: 'All', value: '$__all' });
}

function panelOf(spec: PanelSpec): cog.Builder<Panel> {
  if (spec.kind === 'stat') return statOf(spec);
  if (spec.kind === 'graph') return graphOf(spec);
  return spec.kind === 'timeline' ? timelineOf(spec) : tableOf(spec);
}

function statOf(spec: StatPanel): cog.Builder<Panel> {
  const builder = new StatBuilder()
    .title(spec.title)
    .description(spec.description)
    .datasource(datasource)
    .unit(spec.unit)
    .thresholds(thresholdsOf(spec.steps))
    .colorMode(spec.steps === undefined && spec.words === undefined ? BigValueColorMode.None : BigValueColorMode.Value)
    .textMode(spec.named === true ? BigValueTextMode.Name : BigValueTextMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
  if (spec.words !== undefined) builder.mappings(mappingsOf(spec.words));
  if (spec.link !== undefined) builder.dataLinks([linkOf(spec.link)]);
  for (const [index, query] of spec.queries.entries()) builder.withTarget(queryOf(query, index).instant());
  return builder;
}

function graphOf(spec: GraphPanel): cog.Builder<Panel> {
  const builder = new TimeseriesBuilder()
    .title(spec.title)
    .description(spec.description)
    .datasource(datasource)
    .unit(spec.unit)
    .min(0)
    .fillOpacity(spec.bars === true ? 60 : 10)
    .legend(new VizLegendOptionsBuilder().showLegend(true));
  for (const [index, query] of spec.queries.entries()) {
    builder.withTarget(
      queryOf(query, index)
        .range()
        .exemplar(spec.exemplars === true),
    );
  }
  return builder;
}

function timelineOf(spec: TimelinePanel): cog.Builder<Panel> {
  const builder = new StateTimelineBuilder()
    .title(spec.title)
    .description(spec.description)
    .datasource(datasource)
    .unit('none')
    .mappings(mappingsOf({ '1': [' ', 'green'] }))
    .legend(new VizLegendOptionsBuilder().showLegend(false));
  for (const [index, query] of spec.queries.entries()) builder.withTarget(queryOf(query, index).range());
  return builder;
}

function tableOf(spec: TablePanel): cog.Builder<Panel> {
  const builder = new TableBuilder().title(spec.title).description(spec.description).datasource(datasource);
  for (const [index, query] of spec.queries.entries()) builder.withTarget(queryOf(query, index).format(PromQueryFormat.Table).instant());
  builder.withTransformation({ id: 'merge', options: {} });
  const order = Object.fromEntries(spec.columns.map(({ field }, index) => [field, index]));
  const names = Object.fromEntries(spec.columns.map(({ field, title }) => [field, title]));
  const asked = spec.queries.map((_, index) => `Value #${refIdOf(index)}`);
  const values = spec.queries.length === 1 ? ['Value', ...asked] : asked;
  const unused = ['Time', ...values].filter((field) => !(field in names));
  builder.withTransformation({
    id: 'organize',
    options: { indexByName: order, renameByName: names, excludeByName: Object.fromEntries(unused.map((field) => [field, true])) },
  });
  for (const column of spec.columns) builder.overrideByName(column.title, propertiesOf(column));
  return builder;
}

function propertiesOf({ unit, steps, words, link, hidden, width }: Column): DynamicConfigValue[] {
  return [
    ...(unit === undefined ? [] : [{ id: 'unit', value: unit }]),
    ...(steps === undefined ? [] : [{ id: 'thresholds', value: thresholdsOf(steps).build() }]),
    ...(words === undefined ? [] : [{ id: 'mappings', value: mappingsOf(words) }]),
    ...(steps === undefined && words === undefined ? [] : [{ id: 'custom.cellOptions', value: { type: 'color-text' } }]),
    ...(link === undefined ? [] : [{ id: 'links', value: [linkOf(link).build()] }]),
    ...(hidden === true ? [{ id: 'custom.hidden', value: true }] : []),
    ...(width === undefined ? [] : [{ id: 'custom.width', value: width }]),
  ];
}

function queryOf({ expr, legend }: Query, index: number): DataqueryBuilder {
  const builder = new DataqueryBuilder().refId(refIdOf(index)).datasource(datasource).expr(expr);
  return legend === undefined ? builder : builder.legendFormat(legend);
}

function refIdOf(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

function linkOf({ title, url }: Link): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(url).targetBlank(!url.startsWith('/'));
}

function thresholdsOf(steps: Steps = []): ThresholdsConfigBuilder {
  const all = [{ value: null, color: 'green' }, ...steps.map(([value, color]) => ({ value, color }))];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(all);
}

function mappingsOf(words: NonNullable<StatPanel['words']>): ValueMapping[] {
  const options = Object.fromEntries(Object.entries(words).map(([value, [text, color]], index) => [value, { text, color, index }]));
  return [{ type: MappingType.ValueToText, options }];
}
