/** Recording rules: what dashboards and people ask for over long times, computed once. */

export interface Recording {
  /** `level:metric:operations` */
  readonly record: string;
  readonly expr: string;
  /** What it says, for docs/metrics.md. */
  readonly means: string;
}

const by = 'by (namespace, source)';

/** Of every source, summed over the pods: each leader counts from 0. */
export const recordings: readonly Recording[] = [
  {
    record: 'namespace_source:plumbline_failing:seconds',
    expr: `time() - max ${by} (plumbline_failing_since_timestamp_seconds)`,
    means: 'For how long a source has been failing.',
  },
];
