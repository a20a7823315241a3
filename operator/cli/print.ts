/** A diff as people read it: a sign, the object, where it is stated, and the fields. */
import type { Writable } from 'node:stream';
import { faultText } from '../errors.ts';
import type { Diff } from './diff.ts';
import type { Verification } from './verify.ts';

/** What is said of changes whose fields are not told. */
const withoutFields = {
  recreate: 'is deleted and made anew: a field that changes is immutable, and plumbline.dev/force is enabled',
  later: 'is tried once the CustomResourceDefinition that changes with it is in; its fields are not known before',
} as const;

/** Writes the diff; nothing but its revision where nothing differs. */
export function printDiff(diff: Diff, out: Writable): void {
  const lines: string[] = [];
  for (const { object, origin } of diff.created) lines.push(`+ ${object}  ${origin}`);
  for (const { object, origin, change } of diff.changed) {
    lines.push(`~ ${object}  ${origin}`);
    if (change.how !== 'update') {
      lines.push(`    ${withoutFields[change.how]}`);
      continue;
    }
    const { fields } = change;
    for (const { path, before, after } of fields) lines.push(`    ${path}: ${before ?? '(not there)'} → ${after ?? '(removed)'}`);
    if (fields.length === 0) lines.push('    only who manages it, and the commit that it came from');
  }
  for (const { object, managers } of diff.adopted)
    lines.push(`* ${object}  is adopted; its managers so far: ${managers.join(', ') || 'none'}`);
  for (const object of diff.pruned) lines.push(`- ${object}`);
  for (const object of diff.letGo) lines.push(`o ${object}  is let go and stays`);
  for (const why of diff.held) lines.push(`? nothing is pruned: ${why}`);
  for (const fault of diff.refused) {
    lines.push(`! ${faultText(fault)}`);
    if (fault.remedy !== undefined) lines.push(`    ${fault.remedy}`);
  }
  lines.push(lines.length === 0 ? `${diff.revision}: nothing would change` : `${diff.revision}: ${summary(diff)}`);
  out.write(`${lines.join('\n')}\n`);
}

function summary({ created, changed, pruned, adopted, letGo, held, refused }: Diff): string {
  const counts = [
    [created.length, 'created'],
    [changed.length, 'changed'],
    [adopted.length, 'adopted'],
    [pruned.length, 'pruned'],
    [letGo.length, 'let go'],
    [refused.length, 'refused'],
  ] as const;
  const told = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return [...told, ...(held.length > 0 ? ['the prune is held'] : [])].join(', ');
}

/** Writes what differs from git, and above all where verdict and dry run disagree. */
export function printVerification({ revision, objects, drift, disagreements, untrue, unknown, asked }: Verification, out: Writable): void {
  const lines = [
    ...drift.map((text) => `~ ${text}`),
    ...unknown.map((text) => `? ${text}`),
    ...[...disagreements, ...untrue].map((text) => `! ${text}`),
  ];
  const counts = `${objects} objects, ${drift.length} differences, ${disagreements.length} disagreements with the dry run, ${untrue.length} with the status`;
  lines.push(`${revision}: ${counts}; ${asked} verdicts took a dry run of their own`);
  out.write(`${lines.join('\n')}\n`);
}
