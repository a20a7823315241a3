/** Every metric of the operator's own: name, type, meaning with unit, labels. docs and a test compare a scrape with it. */

export interface MetricRow {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[];
}

const perSource = ['namespace', 'source'] as const;

const rows = {
  revisionInfo: {
    name: 'plumbline_revision_info',
    type: 'gauge',
    help: 'Always 1: the commit that a source has at a stage (observed, attempted, applied, healthy), and the ref that pointed at it.',
    labels: [...perSource, 'stage', 'commit', 'ref'],
  },
  revisionTimestamp: {
    name: 'plumbline_revision_timestamp_seconds',
    type: 'gauge',
    help: 'When the commit of a stage came that far, in seconds since the epoch.',
    labels: [...perSource, 'stage'],
  },
  objects: {
    name: 'plumbline_objects',
    type: 'gauge',
    help: 'Objects of a source by state, as in its status: total is all that the revision states, failed those refused or not applied; a state that is not assessed has no series.',
    labels: [...perSource, 'state'],
  },
  reconcileDuration: {
    name: 'plumbline_reconcile_duration_seconds',
    type: 'histogram',
    help: 'How long a phase of a reconcile took (source, verify, render, plan, dryrun, apply, prune), in seconds.',
    labels: [...perSource, 'phase'],
    buckets: [0.1, 1, 10],
  },
  reconcileErrors: {
    name: 'plumbline_reconcile_errors_total',
    type: 'counter',
    help: 'Reconciles that failed, by the reason that condition Ready gives.',
    labels: [...perSource, 'reason'],
  },
  condition: {
    name: 'plumbline_condition',
    type: 'gauge',
    help: 'Always 1: the status (True, False, Unknown) that a condition of a source has now; the other statuses have no series.',
    labels: [...perSource, 'type', 'status'],
  },
  apiRequests: {
    name: 'plumbline_api_requests_total',
    type: 'counter',
    help: 'Requests to the API server by verb and HTTP code; code 0 is no answer.',
    labels: ['verb', 'code'],
  },
  gitRequests: {
    name: 'plumbline_git_requests_total',
    type: 'counter',
    help: 'Requests to git servers by result: success, or the reason of the failure.',
    labels: ['result'],
  },
  queueDepth: {
    name: 'plumbline_queue_depth',
    type: 'gauge',
    help: 'Sources that wait for their turn to be reconciled.',
    labels: [],
  },
  watchUp: {
    name: 'plumbline_watch_up',
    type: 'gauge',
    help: 'Whether the watch of a kind is open (1) or broken (0).',
    labels: ['group', 'version', 'kind'],
  },
  buildInfo: {
    name: 'plumbline_build_info',
    type: 'gauge',
    help: 'Always 1: the version of the operator and of the Node that runs it.',
    labels: ['version', 'node'],
  },
  processCpu: {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'User and system CPU time of the process, in seconds.',
    labels: [],
  },
  processMemory: {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident memory of the process, in bytes.',
    labels: [],
  },
  processStart: {
    name: 'process_start_time_seconds',
    type: 'gauge',
    help: 'When the process started, in seconds since the epoch.',
    labels: [],
  },
  heapUsed: {
    name: 'nodejs_heap_size_used_bytes',
    type: 'gauge',
    help: 'Used JavaScript heap, in bytes.',
    labels: [],
  },
} as const satisfies Record<string, MetricRow>;

export type MetricKey = keyof typeof rows;

/** The metrics by the name they have in the code. */
export const metricRows: Readonly<Record<MetricKey, MetricRow>> = rows;

/** The metrics in the order of a scrape. */
export const metricTable: readonly MetricRow[] = Object.values(metricRows);
