/** The rules as Prometheus reads them. */
import { dump } from 'js-yaml';
import { alerts, durationOf } from './alerts.ts';
import type { Alert } from './alerts.ts';
import { recordings } from './recordings.ts';
import type { Recording } from './recordings.ts';

/** Where the runbooks are, as the plain file says it; the chart can put another address in its place. */
export const runbookPage = 'docs/operations.md';

/** The text of a rule file. */
export function rulesFile(alerting: readonly Alert[] = alerts, recording: readonly Recording[] = recordings): string {
  const groups = [
    { name: 'plumbline-recordings', rules: recording.map(({ record, expr }) => ({ record, expr })) },
    { name: 'plumbline-alerts', rules: alerting.map(ruleOf) },
  ].filter(({ rules }) => rules.length > 0);
  const head = '# Made by charts/monitoring/generate.ts from alerts.ts and recordings.ts beside it; edit those.\n';
  return head + dump({ groups }, { lineWidth: -1 });
}

/** The anchor of an alert's section in the page of runbooks. */
export function anchorOf({ name }: Alert): string {
  return name.toLowerCase();
}

function ruleOf(alert: Alert) {
  const { name, severity, expr, forSeconds, summary, description } = alert;
  return {
    alert: name,
    expr,
    ...(forSeconds === 0 ? {} : { for: durationOf(forSeconds) }),
    labels: { severity },
    annotations: { summary, description, runbook_url: `${runbookPage}#${anchorOf(alert)}` },
  };
}
