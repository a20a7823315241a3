/** What queries and panels of several dashboards share. */
import type { Link, StatPanel } from './panels.ts';

/** The sources that are chosen. */
export const chosen = 'namespace=~"$namespace",source=~"$source"';
/** Of each source, whichever pod leads. */
export const bySource = 'by (namespace, source)';

/** 0 for each of the chosen sources: fills in where a metric has no series while nothing is wrong. */
export const zeroEach = `max ${bySource} (plumbline_condition{type="Ready",${chosen}}) * 0`;

/** 1 for each chosen source whose condition is so, else 0. */
export function isCondition(type: string, status: string): string {
  return `max ${bySource} (plumbline_condition{type="${type}",status="${status}",${chosen}}) or ${zeroEach}`;
}

/** How many of the chosen sources have a condition so. */
export function countCondition(type: string, status: string): string {
  return `count(max ${bySource} (plumbline_condition{type="${type}",status="${status}",${chosen}})) or vector(0)`;
}

export const readyWords: NonNullable<StatPanel['words']> = { '1': ['Ready', 'green'], '0': ['Not ready', 'red'] };

/** From a cell with a commit, in a row with the address of the forge. */
export const commitLink: Link = { title: 'Show the commit', url: '${__data.fields["Commit page"]}${__value.raw}' };

export const sourceUid = 'plumbline-source';
/** From a row of a table to the dashboard of its source. */
export const sourceLink: Link = {
  title: 'Show the source',
  url: `/d/${sourceUid}?var-namespace=\${__data.fields.Namespace}&var-source=\${__data.fields.Source}`,
};
