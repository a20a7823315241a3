/**
 * Copies crds/ into the chart as a template. `node charts/sync-crd.ts` writes, `--check` fails where the copy is stale.
 * A template and not the chart's crds/ folder: helm upgrades a template, and keeps it at uninstall where it says so.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const file = 'plumbline.dev_gitopssources.yaml';
export const crdPath = join(import.meta.dirname, '..', 'crds', file);
export const templatePath = join(import.meta.dirname, 'plumbline', 'templates', 'crd.yaml');

/** The chart's template of a CRD; throws where helm would read the CRD's text as its own. */
export function crdTemplate(crd: string): string {
  if (crd.includes('{{')) throw new Error(`${file} holds "{{", which helm takes for a template action`);
  const start = crd.indexOf('\nmetadata:\n');
  const end = crd.indexOf('\nspec:\n');
  if (start < 0 || end < start) throw new Error(`${file} has no metadata before its spec`);
  if (crd.slice(start, end).includes('annotations:')) throw new Error(`${file} has annotations of its own; the chart adds one`);
  return [
    `{{- /* Made from crds/${file} by charts/sync-crd.ts; edit that. */}}`,
    '{{- if .Values.crd.install }}',
    crd.slice(0, end),
    '  annotations:',
    '    helm.sh/resource-policy: keep',
    crd.slice(end + 1).trimEnd(),
    '{{- end }}',
    '',
  ].join('\n');
}

if (import.meta.main) {
  const wanted = crdTemplate(await readFile(crdPath, 'utf8'));
  if (!process.argv.includes('--check')) {
    await writeFile(templatePath, wanted);
  } else if ((await readFile(templatePath, 'utf8')) !== wanted) {
    process.stderr.write(`${templatePath} is stale: run node charts/sync-crd.ts\n`);
    process.exitCode = 1;
  }
}
