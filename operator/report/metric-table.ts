/**
 * Every metric that there is: name, type, unit, meaning, labels. The single truth: a scrape holds these and no others,
 * docs/metrics.md is made from it, and a test compares both with a live scrape.
 */

export type MetricType = 'gauge' | 'counter' | 'histogram';

export interface MetricRow {
  /** As in a query; a counter's ends in `_total`. */
  readonly name: string;
  readonly type: MetricType;
  /** What its numbers count, or are measured in; `seconds` and `bytes` also end the name. */
  readonly unit: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[];
}

const perSource = ['namespace', 'source'] as const;

/** About one source each, told by the leader alone. All of them carry the labels namespace and source. */
export const sourceRows = {
  sourceInfo: {
    name: 'plumbline_source_info',
    type: 'gauge',
    unit: '1',
    help: 'Always 1: the repository and path that a source follows, and the address that, followed by the id of a commit, is the page of that commit on its forge.',
    labels: [...perSource, 'repository', 'path', 'commit_url'],
  },
  revisionInfo: {
    name: 'plumbline_revision_info',
    type: 'gauge',
    unit: '1',
    help: 'Always 1: the commit that a source has at a stage (observed, attempted, applied, healthy), and the ref that pointed at it.',
    labels: [...perSource, 'stage', 'commit', 'ref'],
  },
  revisionTimestamp: {
    name: 'plumbline_revision_timestamp_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'When the commit of a stage came that far, in seconds since the epoch.',
    labels: [...perSource, 'stage'],
  },
  deploymentInfo: {
    name: 'plumbline_deployment_info',
    type: 'gauge',
    unit: '1',
    help: 'Always 1: a container of a workload of the applied revision, its image and digest as git states them, the applied commit, and the commit of the application where the manifest says it (annotation plumbline.dev/app-commit, or label org.opencontainers.image.revision of the pod template).',
    labels: [...perSource, 'workload_namespace', 'kind', 'workload', 'container', 'image', 'digest', 'commit', 'app_commit'],
  },
  failingSince: {
    name: 'plumbline_failing_since_timestamp_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'Since when condition Ready is False, in seconds since the epoch, and the reason that it gives now; a source that does not fail has no series.',
    labels: [...perSource, 'reason'],
  },
  suspended: {
    name: 'plumbline_suspended',
    type: 'gauge',
    unit: '1',
    help: 'Always 1: a source is suspended (spec.suspend), so that nothing is tried; its other series stay as they were. One that is not has no series.',
    labels: [...perSource],
  },
  lastSuccess: {
    name: 'plumbline_last_success_timestamp_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'When the git server last answered a source whose condition Ready was True, in seconds since the epoch; none while the source is suspended or follows a fixed commit.',
    labels: [...perSource],
  },
  interval: {
    name: 'plumbline_interval_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'How often a source has its remote asked (spec.interval), in seconds; none while the source is suspended or follows a fixed commit.',
    labels: [...perSource],
  },
  objects: {
    name: 'plumbline_objects',
    type: 'gauge',
    unit: 'objects',
    help: 'Objects of a source by state, as in its status: total is all that the running revision states, failed those refused or not applied; a state that is not assessed has no series.',
    labels: [...perSource, 'state'],
  },
  condition: {
    name: 'plumbline_condition',
    type: 'gauge',
    unit: '1',
    help: 'Always 1: the status (True, False, Unknown) that a condition of a source has now; the other statuses have no series.',
    labels: [...perSource, 'type', 'status'],
  },
  driftObjects: {
    name: 'plumbline_drift_objects',
    type: 'gauge',
    unit: 'objects',
    help: 'Objects of a source that are not as git states them, by class: missing, removed, modified, or extra (kubectl added a field). An object may be in several.',
    labels: [...perSource, 'class'],
  },
  driftSince: {
    name: 'plumbline_drift_since_timestamp_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'When the oldest drift of a source that is still there began, in seconds since the epoch; no series while there is none.',
    labels: [...perSource],
  },
  driftCorrections: {
    name: 'plumbline_drift_corrections_total',
    type: 'counter',
    unit: 'corrections',
    help: 'Fields and objects put back as git states them, by the field manager that was overruled: the first ten of a source, then other; unknown where none is recorded.',
    labels: [...perSource, 'manager'],
  },
  driftFights: {
    name: 'plumbline_drift_fights',
    type: 'gauge',
    unit: 'fields',
    help: 'Fields of a source that a manager writes again after each correction, so that they are corrected ever more rarely.',
    labels: [...perSource],
  },
  deployments: {
    name: 'plumbline_deployments_total',
    type: 'counter',
    unit: 'deployments',
    help: 'Revisions that wrote or pruned an object, by result: success once healthy; failed when refused, or not healthy before the timeout or the next revision. Both begin at 0 with the source.',
    labels: [...perSource, 'result'],
  },
  leadTime: {
    name: 'plumbline_lead_time_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'From the time of the commit to the deployment being healthy, in seconds, with the commit as exemplar; not told of the first revision of a source, nor of a rollback.',
    labels: [...perSource],
    buckets: [60, 120, 300, 600, 1_800, 3_600, 14_400, 43_200, 86_400, 604_800],
  },
  timeToRestore: {
    name: 'plumbline_time_to_restore_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'From the first deployment that failed to the next that is healthy, in seconds.',
    labels: [...perSource],
    buckets: [60, 300, 900, 3_600, 14_400, 86_400, 604_800],
  },
  reconcileDuration: {
    name: 'plumbline_reconcile_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'How long a phase of a reconcile took (source, verify, render, plan, dryrun, apply, prune), in seconds.',
    labels: [...perSource, 'phase'],
    buckets: [0.1, 1, 10],
  },
  reconcileErrors: {
    name: 'plumbline_reconcile_errors_total',
    type: 'counter',
    unit: 'reconciles',
    help: 'Reconciles that failed, by the reason that condition Ready gives.',
    labels: [...perSource, 'reason'],
  },
} as const satisfies Record<string, MetricRow>;

/** About the process as a whole, told by every replica. */
export const processRows = {
  leader: {
    name: 'plumbline_leader',
    type: 'gauge',
    unit: '1',
    help: 'Whether this replica leads (1) or stands by (0): only the leader works, and tells about sources.',
    labels: [],
  },
  queueDepth: {
    name: 'plumbline_queue_depth',
    type: 'gauge',
    unit: 'sources',
    help: 'Sources whose reconcile is due or under way.',
    labels: [],
  },
  queueOldest: {
    name: 'plumbline_queue_oldest_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'For how long the reconcile that was due first, and is not over, has been due, in seconds; 0 while none is due.',
    labels: [],
  },
  watchUp: {
    name: 'plumbline_watch_up',
    type: 'gauge',
    unit: '1',
    help: 'Whether the watch of a kind is open (1) or broken (0).',
    labels: ['group', 'version', 'kind'],
  },
  apiRequests: {
    name: 'plumbline_api_requests_total',
    type: 'counter',
    unit: 'requests',
    help: 'Requests to the API server by verb and HTTP code; code 0 is no answer.',
    labels: ['verb', 'code'],
  },
  gitRequests: {
    name: 'plumbline_git_requests_total',
    type: 'counter',
    unit: 'requests',
    help: 'Requests to git servers by result: success, or the reason of the failure.',
    labels: ['result'],
  },
  notifications: {
    name: 'plumbline_notifications_total',
    type: 'counter',
    unit: 'notifications',
    help: 'Tries to tell an endpoint of spec.notify, by result: delivered; failed, to be tried again; dropped, given up.',
    labels: ['result'],
  },
  buildInfo: {
    name: 'plumbline_build_info',
    type: 'gauge',
    unit: '1',
    help: 'Always 1: the version of the operator and of the Node that runs it.',
    labels: ['version', 'node'],
  },
  processCpu: {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    unit: 'seconds',
    help: 'User and system CPU time of the process, in seconds.',
    labels: [],
  },
  processMemory: {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Resident memory of the process, in bytes.',
    labels: [],
  },
  processStart: {
    name: 'process_start_time_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'When the process started, in seconds since the epoch.',
    labels: [],
  },
  heapUsed: {
    name: 'nodejs_heap_size_used_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Used JavaScript heap, in bytes.',
    labels: [],
  },
} as const satisfies Record<string, MetricRow>;

export type SourceMetric = keyof typeof sourceRows;
export type ProcessMetric = keyof typeof processRows;

/** The metrics in the order of a scrape. */
export const metricTable: readonly MetricRow[] = [...Object.values(sourceRows), ...Object.values(processRows)];
