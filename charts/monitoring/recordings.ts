/** Recording rules: what people and dashboards ask for over long times, computed once. */

export interface Recording {
  /** `level:metric:operations` */
  readonly record: string;
  readonly expr: string;
  /** What it says, for docs/metrics.md. */
  readonly means: string;
}

const by = 'by (namespace, source)';
const week = '[7d]';

/** Of every source, summed over the pods: each leader counts from 0. */
export const recordings: readonly Recording[] = [
  {
    record: 'namespace_source:plumbline_failing:seconds',
    expr: `time() - max ${by} (plumbline_failing_since_timestamp_seconds)`,
    means: 'For how long a source has been failing.',
  },
  {
    record: 'namespace_source:plumbline_deployments:increase7d',
    expr: `sum ${by} (increase(plumbline_deployments_total${week}))`,
    means: 'Deployment frequency: deployments in a week, whatever became of them.',
  },
  {
    record: 'namespace_source:plumbline_change_failures:ratio7d',
    expr: `sum ${by} (increase(plumbline_deployments_total{result="failed"}${week})) / (sum ${by} (increase(plumbline_deployments_total${week})) > 0)`,
    means: 'Change failure rate: the share of deployments in a week that failed, 0 to 1.',
  },
  {
    record: 'namespace_source:plumbline_lead_time_seconds:median7d',
    expr: `histogram_quantile(0.5, sum by (namespace, source, le) (increase(plumbline_lead_time_seconds_bucket${week}))) >= 0`,
    means: 'Lead time for changes: from commit to healthy, the median of a week, in seconds.',
  },
  {
    record: 'namespace_source:plumbline_time_to_restore_seconds:mean7d',
    expr: `sum ${by} (increase(plumbline_time_to_restore_seconds_sum${week})) / (sum ${by} (increase(plumbline_time_to_restore_seconds_count${week})) > 0)`,
    means: 'Time to restore: from failing to healthy again, the mean of a week, in seconds.',
  },
];
