/** The four figures of delivery (DORA), of all chosen sources together and of each. */
import type { DashboardSpec, Steps } from './panels.ts';
import { bySource, chosen, sourceLink } from './terms.ts';

const deployments = `increase(plumbline_deployments_total{${chosen}}[$__range])`;
const failed = `increase(plumbline_deployments_total{result="failed",${chosen}}[$__range])`;
const leadTimes = (range: string): string => `increase(plumbline_lead_time_seconds_bucket{${chosen}}[${range}])`;
const restored = (of: 'sum' | 'count'): string => `increase(plumbline_time_to_restore_seconds_${of}{${chosen}}[$__range])`;
const failureSteps: Steps = [
  [0.15, 'orange'],
  [0.3, 'red'],
];

/** A quantile of lead times; 0 where there were none. */
function leadTime(quantile: number, range: string): string {
  return `(histogram_quantile(${quantile}, sum by (le) (${leadTimes(range)})) >= 0) or vector(0)`;
}

export const delivery: DashboardSpec = {
  uid: 'plumbline-delivery',
  title: 'Plumbline / Delivery',
  description: 'How often is deployed, how much of it fails, how long a change takes, and how long a failure lasts.',
  from: 'now-7d',
  choose: 'many',
  rows: [
    {
      height: 5,
      panels: [
        {
          kind: 'stat',
          title: 'Deployments',
          description: 'Revisions that wrote or pruned an object, or were refused, in the chosen time.',
          queries: [{ expr: `sum(${deployments}) or vector(0)` }],
          unit: 'short',
          width: 6,
        },
        {
          kind: 'stat',
          title: 'Change failure rate',
          description: 'The share of them that was refused, or was not healthy in time.',
          queries: [{ expr: `(sum(${failed}) / (sum(${deployments}) > 0)) or vector(0)` }],
          unit: 'percentunit',
          steps: failureSteps,
          width: 6,
        },
        {
          kind: 'stat',
          title: 'Lead time',
          description: 'From the commit to healthy, the median; 0 while nothing was changed.',
          queries: [{ expr: leadTime(0.5, '$__range') }],
          unit: 's',
          width: 6,
        },
        {
          kind: 'stat',
          title: 'Time to restore',
          description: 'From the first deployment that failed to the next that is healthy, the mean; 0 while nothing failed.',
          queries: [{ expr: `(sum(${restored('sum')}) / (sum(${restored('count')}) > 0)) or vector(0)` }],
          unit: 's',
          width: 6,
        },
      ],
    },
    {
      height: 9,
      panels: [
        {
          kind: 'graph',
          title: 'Deployments by result',
          description: 'How many were made, and what became of them.',
          queries: [{ expr: `sum by (result) (increase(plumbline_deployments_total{${chosen}}[$__rate_interval]))`, legend: '{{result}}' }],
          unit: 'short',
          bars: true,
          width: 12,
        },
        {
          kind: 'graph',
          title: 'Lead time over a day',
          description: 'Half of the changes of the day before took no longer, and nine in ten. Points are changes, with their commits.',
          queries: [
            { expr: leadTime(0.5, '1d'), legend: 'median' },
            { expr: leadTime(0.9, '1d'), legend: '90 %' },
          ],
          unit: 's',
          exemplars: true,
          width: 12,
        },
      ],
    },
    {
      height: 12,
      panels: [
        {
          kind: 'table',
          title: 'By source',
          description: 'The four figures of each source in the chosen time.',
          queries: [
            { expr: `sum ${bySource} (${deployments})` },
            { expr: `(sum ${bySource} (${failed}) / (sum ${bySource} (${deployments}) > 0)) or sum ${bySource} (${deployments}) * 0` },
            {
              expr: `(histogram_quantile(0.5, sum by (namespace, source, le) (${leadTimes('$__range')})) >= 0) or sum ${bySource} (${deployments}) * 0`,
            },
            {
              expr: `(sum ${bySource} (${restored('sum')}) / (sum ${bySource} (${restored('count')}) > 0)) or sum ${bySource} (${deployments}) * 0`,
            },
          ],
          columns: [
            { field: 'namespace', title: 'Namespace' },
            { field: 'source', title: 'Source', link: sourceLink },
            { field: 'Value #A', title: 'Deployments', unit: 'short' },
            { field: 'Value #B', title: 'Failure rate', unit: 'percentunit', steps: failureSteps },
            { field: 'Value #C', title: 'Lead time', unit: 's' },
            { field: 'Value #D', title: 'Time to restore', unit: 's' },
          ],
          width: 24,
        },
      ],
    },
  ],
};
