/**
 * Writes the rules and dashboards of the chart from the code beside it; with --check, writes nothing and fails when one is
 * stale.
 *
 *     node charts/monitoring/generate.ts [--check]
 */
import process from 'node:process';
import { bringUpToDate } from '../../crds/generate.ts';
import type { Files } from '../../crds/generate.ts';
import { dashboards } from './dashboards/index.ts';
import { dashboardOf } from './dashboards/panels.ts';
import { rulesFile } from './rules.ts';

export const rulesPath = 'charts/plumbline/rules/plumbline.yaml';
export const dashboardsPath = 'charts/plumbline/dashboards';

/** Every file that is made here, as it should be. */
export function generatedFiles(): Files {
  const made = Object.entries(dashboards).map(([name, spec]): [string, string] => [
    `${dashboardsPath}/${name}.json`,
    `${JSON.stringify(dashboardOf(spec), undefined, 2)}\n`,
  ]);
  return { [rulesPath]: rulesFile(), ...Object.fromEntries(made) };
}

if (import.meta.main)
  process.exitCode = bringUpToDate(generatedFiles(), 'node charts/monitoring/generate.ts', process.argv.includes('--check'));
