/** Every source at a glance: what runs, since when, and what is wrong. */
import type { DashboardSpec } from './panels.ts';
import { bySource, chosen, commitLink, countCondition, isCondition, readyWords, sourceLink, zeroEach } from './terms.ts';

const bad = [[1, 'red']] as const;

export const fleet: DashboardSpec = {
  uid: 'plumbline-fleet',
  title: 'Plumbline / Fleet',
  description: 'Every source: its revision, its age, whether it is ready, and since when it fails.',
  from: 'now-6h',
  choose: 'many',
  rows: [
    {
      height: 4,
      panels: [
        {
          kind: 'stat',
          title: 'Sources',
          description: 'GitOpsSources that the leader serves.',
          queries: [{ expr: `count(max ${bySource} (plumbline_condition{type="Ready",${chosen}})) or vector(0)` }],
          unit: 'none',
          width: 3,
        },
        {
          kind: 'stat',
          title: 'Failing',
          description: 'Sources whose condition Ready is False.',
          queries: [{ expr: countCondition('Ready', 'False') }],
          unit: 'none',
          steps: bad,
          width: 3,
        },
        {
          kind: 'stat',
          title: 'Stalled',
          description: 'Sources for which nothing but an edit of the spec helps.',
          queries: [{ expr: countCondition('Stalled', 'True') }],
          unit: 'none',
          steps: bad,
          width: 3,
        },
        {
          kind: 'stat',
          title: 'Unhealthy',
          description: 'Sources of which some object is not healthy.',
          queries: [{ expr: countCondition('Healthy', 'False') }],
          unit: 'none',
          steps: bad,
          width: 3,
        },
        {
          kind: 'stat',
          title: 'Drifted',
          description: 'Sources of which some object is not as git states it.',
          queries: [{ expr: countCondition('Drifted', 'True') }],
          unit: 'none',
          steps: [[1, 'orange']],
          width: 3,
        },
        {
          kind: 'stat',
          title: 'Objects',
          description: 'Objects that the revisions of all sources state.',
          queries: [{ expr: `sum(max ${bySource} (plumbline_objects{state="total",${chosen}})) or vector(0)` }],
          unit: 'short',
          width: 3,
        },
        {
          kind: 'stat',
          title: 'Reconciling',
          description: 'Sources whose reconcile is due or under way.',
          queries: [{ expr: 'max(plumbline_queue_depth)' }],
          unit: 'none',
          width: 3,
        },
        {
          kind: 'stat',
          title: 'Leaders',
          description: 'Replicas that say that they lead: one, as a rule.',
          queries: [{ expr: 'sum(plumbline_leader)' }],
          unit: 'none',
          words: { '0': ['None', 'red'], '1': ['1', 'green'] },
          width: 3,
        },
      ],
    },
    {
      height: 14,
      panels: [
        {
          kind: 'table',
          title: 'Sources',
          description: 'The applied revision of each source. A click on a commit opens it on the forge, one on a source its dashboard.',
          queries: [
            { expr: `max by (namespace, source, commit, ref) (plumbline_revision_info{stage="applied",${chosen}})` },
            { expr: `time() - max ${bySource} (plumbline_revision_timestamp_seconds{stage="applied",${chosen}})` },
            { expr: isCondition('Ready', 'True') },
            { expr: `(time() - max ${bySource} (plumbline_failing_since_timestamp_seconds{${chosen}})) or ${zeroEach}` },
            { expr: `max ${bySource} (plumbline_objects{state="total",${chosen}})` },
            { expr: `max ${bySource} (plumbline_objects{state="healthy",${chosen}}) or ${zeroEach}` },
            { expr: `max ${bySource} (plumbline_objects{state="drifted",${chosen}}) or ${zeroEach}` },
            { expr: `max by (namespace, source, repository, path, commit_url) (plumbline_source_info{${chosen}})` },
          ],
          columns: [
            { field: 'namespace', title: 'Namespace' },
            { field: 'source', title: 'Source', link: sourceLink },
            { field: 'ref', title: 'Ref' },
            { field: 'commit', title: 'Commit', link: commitLink },
            { field: 'Value #B', title: 'Applied for', unit: 's' },
            { field: 'Value #C', title: 'State', words: readyWords },
            { field: 'Value #D', title: 'Failing for', unit: 's', steps: bad },
            { field: 'Value #E', title: 'Objects', unit: 'none' },
            { field: 'Value #F', title: 'Healthy', unit: 'none' },
            { field: 'Value #G', title: 'Drifted', unit: 'none', steps: [[1, 'orange']] },
            { field: 'repository', title: 'Repository' },
            { field: 'path', title: 'Path' },
            { field: 'commit_url', title: 'Commit page', hidden: true },
          ],
          width: 24,
        },
      ],
    },
    {
      height: 8,
      panels: [
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
        {
          kind: 'graph',
          title: 'Requests to git',
          description: 'By result.',
          queries: [{ expr: 'sum by (result) (rate(plumbline_git_requests_total[$__rate_interval]))', legend: '{{result}}' }],
          unit: 'reqps',
          width: 8,
        },
        {
          kind: 'graph',
          title: 'Requests to the API server',
          description: 'By HTTP code; 0 is no answer.',
          queries: [{ expr: 'sum by (code) (rate(plumbline_api_requests_total[$__rate_interval]))', legend: '{{code}}' }],
          unit: 'reqps',
          width: 8,
        },
      ],
    },
  ],
};
