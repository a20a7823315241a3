import { describe, expect, test } from '@jest/globals';
import { counterText, gaugeText, headOf, histogramText, labelsText, negotiate } from '../../operator/report/metric-format.ts';
import type { MetricRow } from '../../operator/report/metric-table.ts';

const text = 'text/plain; version=0.0.4; charset=utf-8';
const open = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const older = 'application/openmetrics-text; version=0.0.1; charset=utf-8';

test.each([
  ['nothing', undefined, text],
  ['anything', '*/*', text],
  ['plain text', 'text/plain', text],
  ['OpenMetrics', 'application/openmetrics-text', open],
  ['OpenMetrics by version', 'application/openmetrics-text; version=1.0.0; charset=utf-8', open],
  ['a version in quotes, in capitals', 'Application/OpenMetrics-Text; Version="1.0.0"', open],
  ['the older version', 'application/openmetrics-text;version=0.0.1', older],
  ['a version to come', 'application/openmetrics-text;version=2.0.0', text],
  [
    'a version to come first, then one that is known',
    'application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0;q=0.2',
    open,
  ],
  ['a text format to come, then OpenMetrics', 'text/plain;version=1.0.0;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5', open],
  [
    'as Prometheus 2 does',
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    open,
  ],
  [
    'as Prometheus 3 does',
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    open,
  ],
  ['as a browser does', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', text],
  ['text rather than OpenMetrics', 'application/openmetrics-text;q=0.4, text/plain;q=0.5', text],
  ['both alike, OpenMetrics first', 'application/openmetrics-text;q=0.5, text/plain;q=0.5', open],
  ['both alike, text first', 'text/plain;q=0.5, application/openmetrics-text;q=0.5', text],
  ['not OpenMetrics', 'application/openmetrics-text;q=0, */*;q=0.1', text],
  ['a weight that is none', 'application/openmetrics-text;q=2, text/plain;q=0.1', text],
  [
    'protobuf first',
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8',
    open,
  ],
  ['what nobody has', 'application/json', text],
  ['nonsense', ';;,,=q;q', text],
  ['without end', `${'x,'.repeat(50_000)}application/openmetrics-text`, text],
])('who asks for %s', (_, accept, contentType) => {
  expect(negotiate(accept).contentType).toBe(contentType);
});

const gauge: MetricRow = { name: 'a_b', type: 'gauge', unit: '1', help: 'A "b", \\ and\nmore.', labels: [] };
const counter: MetricRow = { name: 'a_seconds_total', type: 'counter', unit: 'seconds', help: 'A.', labels: [] };
const histogram: MetricRow = { name: 'a_seconds', type: 'histogram', unit: 'seconds', help: 'A.', labels: [], buckets: [0.5, 60] };

describe('the Prometheus text format', () => {
  test('begins a family with its meaning', () => {
    expect(headOf(gauge, 'prometheus')).toBe('# HELP a_b A "b", \\\\ and\\nmore.\n# TYPE a_b gauge\n');
    expect(headOf(counter, 'prometheus')).toBe('# HELP a_seconds_total A.\n# TYPE a_seconds_total counter\n');
  });

  test('has no time of creation and no exemplar', () => {
    expect(counterText(counter, 'x="1"', 2, 5, 'prometheus')).toBe('a_seconds_total{x="1"} 2\n');
    const value = { counts: [1, 0, 2], sum: 200.5, exemplars: [undefined, undefined, { labels: { commit: 'c' }, value: 100, at: 7 }] };
    expect(histogramText(histogram, 'x="1"', value, 5, 'prometheus')).toBe(
      'a_seconds_bucket{x="1",le="0.5"} 1\na_seconds_bucket{x="1",le="60.0"} 1\na_seconds_bucket{x="1",le="+Inf"} 3\n' +
        'a_seconds_sum{x="1"} 200.5\na_seconds_count{x="1"} 3\n',
    );
  });
});

describe('OpenMetrics', () => {
  test('names the family of a counter without _total, with its unit', () => {
    expect(headOf(counter, 'openmetrics')).toBe('# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds A.\n');
    expect(headOf(gauge, 'openmetrics')).toBe('# TYPE a_b gauge\n# HELP a_b A \\"b\\", \\\\ and\\nmore.\n');
  });

  test('has the time of creation, and exemplars where there are some', () => {
    expect(counterText(counter, '', 2, 5.5, 'openmetrics')).toBe('a_seconds_total 2\na_seconds_created 5.5\n');
    const value = { counts: [1, 0, 2], sum: 200.5, exemplars: [undefined, undefined, { labels: { commit: 'c' }, value: 100, at: 7 }] };
    expect(histogramText(histogram, '', value, 5, 'openmetrics')).toBe(
      'a_seconds_bucket{le="0.5"} 1\na_seconds_bucket{le="60.0"} 1\na_seconds_bucket{le="+Inf"} 3 # {commit="c"} 100 7.000\n' +
        'a_seconds_sum 200.5\na_seconds_count 3\na_seconds_created 5\n',
    );
  });
});

test('values are escaped, and numbers written so that every parser reads them', () => {
  expect(labelsText({ a: 'x"\n\\y', b: 'ü' })).toBe('a="x\\"\\n\\\\y",b="ü"');
  const numbers = [0, -1.5, 1e21, 1e-7, Infinity, -Infinity, Number.NaN].map((value) => gaugeText(gauge, '', value).trim());
  expect(numbers).toEqual(['a_b 0', 'a_b -1.5', 'a_b 1e+21', 'a_b 1e-7', 'a_b +Inf', 'a_b -Inf', 'a_b NaN']);
});
