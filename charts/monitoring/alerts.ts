/** Every alert: when it fires, and the runbook that docs/operations.md has on it. */
import { gitReasons } from '../../operator/source/git-reasons.ts';

export interface Alert {
  readonly name: string;
  readonly severity: 'critical' | 'warning';
  readonly expr: string;
  /** How long that must be so, in seconds; 0 where the expression itself says since when. */
  readonly forSeconds: number;
  /** One line. Labels as Prometheus fills them in. */
  readonly summary: string;
  /** More of it: with numbers, and the reason where it is known. */
  readonly description: string;
  readonly runbook: {
    /** What it means, in sentences. */
    readonly means: string;
    /** Commands that show more; NAMESPACE and NAME stand for the source. */
    readonly look: readonly string[];
    /** What to do, in sentences. */
    readonly act: string;
  };
}

/** When it is time to wake somebody; seconds, but for `intervals`. */
export interface Limits {
  readonly failing: number;
  readonly gitUnreachable: number;
  readonly stalled: number;
  readonly unhealthy: number;
  readonly drifted: number;
  readonly fight: number;
  /** So many of a source's intervals may pass without success, and `grace` besides. */
  readonly intervals: number;
  readonly grace: number;
  readonly down: number;
  readonly watchBroken: number;
  readonly queue: number;
}

export const limits: Limits = {
  failing: 900,
  gitUnreachable: 600,
  stalled: 300,
  unhealthy: 900,
  drifted: 3_600,
  fight: 300,
  intervals: 5,
  grace: 300,
  down: 300,
  watchBroken: 600,
  queue: 900,
};

const source = 'GitOpsSource {{ $labels.namespace }}/{{ $labels.source }}';
const by = 'by (namespace, source)';
const describe = 'kubectl describe gos NAME --namespace NAMESPACE';
/** The reason that a source gives, looked up when the alert fires: as a label it would make another alert with each change. */
const reasonNow =
  `{{ with printf "plumbline_failing_since_timestamp_seconds{namespace='%s',source='%s'}" $labels.namespace $labels.source | query }}` +
  'reason {{ . | first | label "reason" }}{{ else }}the reason is in condition Ready{{ end }}';
const ago = '{{ $value | humanizeDuration }}';

/** As Prometheus writes durations. */
export function durationOf(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

/** The alerts with these limits. */
export function alertsWith(limit: Limits): readonly Alert[] {
  /** Whoever suspended a source knows that nothing is tried; what runs of it is looked at all the same. */
  const unlessSuspended = ` unless max ${by} (plumbline_suspended)`;
  const isCondition = (type: string, status: string): string => `max ${by} (plumbline_condition{type="${type}",status="${status}"}) == 1`;
  return [
    {
      name: 'PlumblineSourceFailing',
      severity: 'warning',
      expr: `time() - max ${by} (plumbline_failing_since_timestamp_seconds) > ${limit.failing}${unlessSuspended}`,
      forSeconds: 0,
      summary: `${source} fails.`,
      description: `Condition Ready has been False for ${ago}: ${reasonNow}. What was applied before keeps running.`,
      runbook: {
        means:
          'What git says is not what runs: the revision was refused, could not be applied, or git cannot be read. Nothing is given up; each failure is tried again by itself. A source that is suspended does not fire: nothing is tried.',
        look: [describe, 'kubectl get events --namespace NAMESPACE --field-selector involvedObject.name=NAME'],
        act: 'Read the message of condition Ready: it names the object, the file and line, and what to do. A revision that is wrong is corrected or reverted in git; [the reasons](#reasons-what-each-means-and-what-to-do) are explained below.',
      },
    },
    {
      name: 'PlumblineSourceStalled',
      severity: 'warning',
      expr: isCondition('Stalled', 'True') + unlessSuspended,
      forSeconds: limit.stalled,
      summary: `${source} is stalled.`,
      description: `Nothing is tried again until its spec, or the Secret that it names, is edited: ${reasonNow}.`,
      runbook: {
        means:
          'The spec of the source asks for something that cannot be done, so that no retry would help. A source that is suspended does not fire.',
        look: [describe],
        act: 'Correct the field of the spec that the message of condition Stalled names; the source goes on at once.',
      },
    },
    {
      name: 'PlumblineSourceUnhealthy',
      severity: 'warning',
      expr: isCondition('Healthy', 'False'),
      forSeconds: limit.unhealthy,
      summary: `${source} is not healthy.`,
      description: 'Objects of its applied revision have failed, or are not as their spec says; condition Healthy names them.',
      runbook: {
        means:
          'What git states is in the cluster, and does not work: pods crash, images cannot be pulled, a rollout hangs, a load balancer does not come.',
        look: [describe, 'kubectl get pods --namespace NAMESPACE', 'kubectl get events --namespace NAMESPACE --sort-by=.lastTimestamp'],
        act: 'The message of condition Healthy lists the objects and what each waits for. Where the revision is at fault, correct or revert it in git; where the cluster is (no room, no image, no volume), mend that: the source becomes healthy by itself.',
      },
    },
    {
      name: 'PlumblineSourceDrifted',
      severity: 'warning',
      expr: `time() - max ${by} (plumbline_drift_since_timestamp_seconds) > ${limit.drifted}`,
      forSeconds: 0,
      summary: `${source} has drifted for long.`,
      description: `For ${ago} something has not been as git states it, and was not put back; status.drift says what and by whom.`,
      runbook: {
        means:
          'Somebody changed by hand what git states, and it stays so: spec.drift.mode is Report, the source is suspended, or what is put back is changed again.',
        look: [describe, "kubectl get gos NAME --namespace NAMESPACE --output jsonpath='{.status.drift}'"],
        act: 'Put what is right into git; or let it be put back (`spec.drift.mode: Correct`, `suspend: false`); or, where another program owns the field for good, name it in `spec.drift.ignore`.',
      },
    },
    {
      name: 'PlumblineFieldFight',
      severity: 'warning',
      expr: `max ${by} (plumbline_drift_fights) > 0`,
      forSeconds: limit.fight,
      summary: `Another program fights over fields of ${source}.`,
      description: '{{ $value }} fields are changed again after each correction; condition Drifted names them and the field manager.',
      runbook: {
        means:
          'A controller, a webhook or a script writes another value than git states, each time that it is put back. Plumbline puts it back ever more rarely, so that the cluster is not worn out.',
        look: [describe],
        act: "Decide whose field it is. If the other program's (an autoscaler's replicas), take it out of git or name it in `spec.drift.ignore`; if git's, stop the other program.",
      },
    },
    {
      name: 'PlumblineGitUnreachable',
      severity: 'warning',
      // Since when it fails says nothing of git: a source may have failed for another reason before. So Prometheus itself counts.
      expr: `max ${by} (plumbline_failing_since_timestamp_seconds{reason=~"${gitReasons.join('|')}"}) > 0${unlessSuspended}`,
      forSeconds: limit.gitUnreachable,
      summary: `Git cannot be reached for ${source}.`,
      description: `For ${durationOf(limit.gitUnreachable)} or longer its repository could not be asked: ${reasonNow}. What is applied keeps running and is looked after; new commits do not arrive.`,
      runbook: {
        means:
          'The git server does not answer, is not the one that it should be, refuses the credentials, or hides the repository. The cluster is not touched by it. A source that is suspended does not fire.',
        look: [describe, 'git ls-remote URL HEAD'],
        act: 'Where many sources fail at once, look at the git server, DNS, proxies and network policies; where it is one, at its URL and Secret. It goes on by itself once git answers; after a Secret was corrected too.',
      },
    },
    {
      name: 'PlumblineSourceNoSuccess',
      severity: 'warning',
      expr: `time() - max ${by} (plumbline_last_success_timestamp_seconds) > ${limit.intervals} * max ${by} (plumbline_interval_seconds) + ${limit.grace}`,
      forSeconds: 0,
      summary: `${source} had no success for many intervals.`,
      description: `For ${ago}, more than ${limit.intervals} of its intervals, git has not answered while the source was ready.`,
      runbook: {
        means:
          'No look at git ended well for several times the interval of the source. Together with PlumblineSourceFailing, the reason is in condition Ready. Alone it means that the operator does not ask any more, while the source still looks ready.',
        look: [describe, 'kubectl logs --namespace plumbline-system --selector app.kubernetes.io/name=plumbline --tail 200'],
        act: 'With PlumblineSourceFailing, do what that one says. Alone, ask by hand (`kubectl annotate gos NAME --namespace NAMESPACE plumbline.dev/requestedAt="$(date +%s)" --overwrite`); if nothing follows, keep the logs and delete the leader\'s pod: the other takes over.',
      },
    },
    {
      name: 'PlumblineDown',
      severity: 'critical',
      expr: 'absent(plumbline_leader == 1)',
      forSeconds: limit.down,
      summary: 'No Plumbline operator leads.',
      description:
        'Nothing is deployed or corrected: no replica runs, none is scraped, or none gets the lease. What is deployed keeps running.',
      runbook: {
        means: 'No replica that Prometheus scrapes says that it leads. Alerts about sources cannot fire meanwhile.',
        look: [
          'kubectl get pods --namespace plumbline-system --selector app.kubernetes.io/name=plumbline',
          'kubectl get lease plumbline --namespace plumbline-system --output yaml',
          'kubectl logs --namespace plumbline-system --selector app.kubernetes.io/name=plumbline --tail 200',
        ],
        act: 'Where pods run and one holds the Lease, have Prometheus scrape them (ServiceMonitor, network policy). Where they do not start, their events say why. Where none gets the Lease, the logs say what the API server answers.',
      },
    },
    {
      name: 'PlumblineWatchBroken',
      severity: 'warning',
      expr: 'min by (group, version, kind) (plumbline_watch_up) == 0',
      forSeconds: limit.watchBroken,
      summary: 'The watch of {{ $labels.kind }} ({{ $labels.group }}/{{ $labels.version }}) is broken.',
      description: 'Changes of these objects are not seen. Sources that need no such kind are not affected.',
      runbook: {
        means:
          'The API server does not serve a kind any more (an aggregated API that is down, a CRD that went), or the operator may not list it. Without GitOpsSource, new sources and edits of them are not seen; without Pod, it is not told why a workload is not healthy.',
        look: [
          'kubectl get apiservices',
          'kubectl logs --namespace plumbline-system --selector app.kubernetes.io/name=plumbline --tail 200',
        ],
        act: "The log line `watch is broken` has the server's answer. Mend the API, or grant the right (`rbac.read` of the chart); the watch comes back by itself.",
      },
    },
    {
      name: 'PlumblineQueueNotDraining',
      severity: 'warning',
      expr: `max(plumbline_queue_oldest_seconds) > ${limit.queue}`,
      forSeconds: 0,
      summary: 'A reconcile does not come to an end.',
      description: `For ${ago} a reconcile has been due or under way: it hangs, or the operator does not keep up.`,
      runbook: {
        means:
          'A reconcile that was due so long ago has not begun, or is not over: more is to be done than the operator gets done, or something hangs. Deploying and correcting take longer.',
        look: [
          'kubectl top pods --namespace plumbline-system',
          'kubectl get gos --all-namespaces --output jsonpath=\'{range .items[?(@.status.conditions[?(@.type=="Reconciling")].status=="True")]}{.metadata.namespace}/{.metadata.name}{"\\n"}{end}\'',
        ],
        act: 'Look how many there are (`plumbline_queue_depth`), and which phase takes long (`plumbline_reconcile_duration_seconds`): source is git, dryrun, apply and prune are the API server, its webhooks and its limits. A CPU limit that throttles is raised; `concurrency` lets more requests run at a time.',
      },
    },
  ];
}

/** As the chart ships them. */
export const alerts: readonly Alert[] = alertsWith(limits);
