/** One source: what it runs, what came when, how long it took, what is wrong. */
import type { DashboardSpec } from './panels.ts';
import { bySource, chosen, commitLink, isCondition, readyWords, sourceUid, zeroEach } from './terms.ts';

/** With the address of the forge, which no other metric has. */
const withPage = `on (namespace, source) group_left (commit_url) max by (namespace, source, commit_url) (plumbline_source_info{${chosen}})`;

export const source: DashboardSpec = {
  uid: sourceUid,
  title: 'Plumbline / Source',
  description: 'One source: the revisions that it went through, how long they took, and what is wrong with it.',
  from: 'now-24h',
  choose: 'one',
  annotation: {
    name: 'Revisions',
    expr: `max by (namespace, source, commit, ref) (plumbline_revision_timestamp_seconds{stage="applied",${chosen}} * on (namespace, source, stage, pod, instance) group_left (commit, ref) plumbline_revision_info{stage="applied",${chosen}}) * 1000`,
    title: '{{ref}}@{{commit}}',
    text: 'applied to {{namespace}}/{{source}}',
  },
  rows: [
    {
      height: 4,
      panels: [
        {
          kind: 'stat',
          title: 'Applied revision',
          description: 'A click opens the commit on the forge.',
          queries: [
            {
              expr: `max by (commit, ref, commit_url) (max by (namespace, source, commit, ref) (plumbline_revision_info{stage="applied",${chosen}}) * ${withPage})`,
              legend: '{{ref}}@{{commit}}',
            },
          ],
          unit: 'string',
          named: true,
          link: { title: 'Show the commit', url: '${__field.labels.commit_url}${__field.labels.commit}' },
          width: 6,
        },
        {
          kind: 'stat',
          title: 'State',
          description: 'Condition Ready.',
          queries: [{ expr: isCondition('Ready', 'True') }],
          unit: 'none',
          words: readyWords,
          width: 3,
        },
        {
          kind: 'stat',
          title: 'Applied for',
          description: 'How long ago the applied revision came in.',
          queries: [{ expr: `time() - max ${bySource} (plumbline_revision_timestamp_seconds{stage="applied",${chosen}})` }],
          unit: 's',
          width: 3,
        },
        {
          kind: 'stat',
          title: 'Failing for',
          description: 'How long condition Ready has been False; 0 while it is not.',
          queries: [{ expr: `(time() - max ${bySource} (plumbline_failing_since_timestamp_seconds{${chosen}})) or ${zeroEach}` }],
          unit: 's',
          steps: [[1, 'red']],
          width: 3,
        },
        {
          kind: 'stat',
          title: 'Healthy objects',
          description: 'The share of its objects that is healthy.',
          queries: [
            {
              expr: `max ${bySource} (plumbline_objects{state="healthy",${chosen}}) / (max ${bySource} (plumbline_objects{state="total",${chosen}}) > 0) or ${zeroEach}`,
            },
          ],
          unit: 'percentunit',
          width: 3,
        },
        {
          kind: 'stat',
          title: 'Lead time',
          description: 'From the commit to healthy, the median of the chosen time; 0 while nothing was changed.',
          queries: [
            {
              expr: `(histogram_quantile(0.5, sum by (le) (increase(plumbline_lead_time_seconds_bucket{${chosen}}[$__range]))) >= 0) or vector(0)`,
            },
          ],
          unit: 's',
          width: 3,
        },
        {
          kind: 'stat',
          title: 'Objects',
          description: 'Objects that the revision states.',
          queries: [{ expr: `max ${bySource} (plumbline_objects{state="total",${chosen}})` }],
          unit: 'none',
          width: 3,
        },
      ],
    },
    {
      height: 7,
      panels: [
        {
          kind: 'timeline',
          title: 'Applied revisions',
          description: 'Which revision ran when.',
          queries: [{ expr: `max by (commit, ref) (plumbline_revision_info{stage="applied",${chosen}})`, legend: '{{ref}}@{{commit}}' }],
          width: 24,
        },
      ],
    },
    {
      height: 6,
      panels: [
        {
          kind: 'table',
          title: 'Stages',
          description: 'How far each revision came, and when.',
          queries: [
            { expr: `max by (namespace, source, stage, commit, ref) (plumbline_revision_info{${chosen}})` },
            { expr: `max by (namespace, source, stage) (plumbline_revision_timestamp_seconds{${chosen}}) * 1000` },
            { expr: `max by (namespace, source, commit_url) (plumbline_source_info{${chosen}})` },
          ],
          columns: [
            { field: 'stage', title: 'Stage' },
            { field: 'ref', title: 'Ref' },
            { field: 'commit', title: 'Commit', link: commitLink },
            { field: 'Value #B', title: 'Since', unit: 'dateTimeAsIso' },
            { field: 'namespace', title: 'Namespace', hidden: true },
            { field: 'source', title: 'Source', hidden: true },
            { field: 'commit_url', title: 'Commit page', hidden: true },
          ],
          width: 12,
        },
        {
          kind: 'table',
          title: 'Images',
          description: 'What the workloads of the applied revision run, as git states it.',
          queries: [
            {
              expr: `max by (workload_namespace, kind, workload, container, image, digest, app_commit) (plumbline_deployment_info{${chosen}})`,
            },
          ],
          columns: [
            { field: 'workload_namespace', title: 'Namespace' },
            { field: 'kind', title: 'Kind' },
            { field: 'workload', title: 'Workload' },
            { field: 'container', title: 'Container' },
            { field: 'image', title: 'Image' },
            { field: 'digest', title: 'Digest' },
            { field: 'app_commit', title: 'App commit' },
          ],
          width: 12,
        },
      ],
    },
    {
      height: 8,
      panels: [
        {
          kind: 'graph',
          title: 'Duration by phase',
          description: 'How long a phase of a reconcile takes, on average since the leader leads.',
          queries: [
            {
              expr: `sum by (phase) (plumbline_reconcile_duration_seconds_sum{${chosen}}) / sum by (phase) (plumbline_reconcile_duration_seconds_count{${chosen}})`,
              legend: '{{phase}}',
            },
          ],
          unit: 's',
          width: 8,
        },
        {
          kind: 'graph',
          title: 'Objects by state',
          description: 'As in the status of the source.',
          queries: [{ expr: `max by (state) (plumbline_objects{${chosen}})`, legend: '{{state}}' }],
          unit: 'none',
          width: 8,
        },
        {
          kind: 'graph',
          title: 'Failed reconciles',
          description: 'By the reason that condition Ready gives.',
          queries: [
            {
              expr: `sum by (reason) (rate(plumbline_reconcile_errors_total{${chosen}}[$__rate_interval])) or vector(0)`,
              legend: '{{reason}}',
            },
          ],
          unit: 'cps',
          width: 8,
        },
      ],
    },
    {
      height: 8,
      panels: [
        {
          kind: 'graph',
          title: 'Drifted objects by class',
          description: 'Objects that are not as git states them: changed, gone, or with a field that kubectl added.',
          queries: [{ expr: `max by (class) (plumbline_drift_objects{${chosen}}) or vector(0)`, legend: '{{class}}' }],
          unit: 'none',
          width: 12,
        },
        {
          kind: 'graph',
          title: 'Corrections by manager',
          description: 'Fields and objects put back as git states them, by the field manager that had changed them.',
          queries: [
            {
              expr: `sum by (manager) (increase(plumbline_drift_corrections_total{${chosen}}[$__rate_interval])) or vector(0)`,
              legend: '{{manager}}',
            },
          ],
          unit: 'short',
          bars: true,
          width: 12,
        },
      ],
    },
  ],
};
