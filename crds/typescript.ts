/** The CRD as TypeScript interfaces. */
import { property, schemaOf } from './schema.ts';
import type { Crd, Schema } from './schema.ts';

/** Interfaces whose name is not the path to them; those with the same name must have the same fields. */
const names: Readonly<Record<string, string>> = {
  spec: 'GitOpsSourceSpec',
  status: 'GitOpsSourceStatus',
  'spec.auth.secretRef': 'SecretRef',
  'spec.verify.secretRef': 'SecretRef',
  'spec.receiver.secretRef': 'SecretRef',
  'spec.notify.commitStatus': 'SpecCommitStatus',
  'spec.notify.commitStatus.secretRef': 'SecretRef',
  'spec.notify.webhook': 'SpecWebhook',
  'spec.notify.webhook.secretRef': 'SecretRef',
  'spec.drift.ignore': 'DriftRule',
  'status.conditions': 'Condition',
  'status.revision.observed': 'RevisionStage',
  'status.revision.attempted': 'RevisionStage',
  'status.revision.applied': 'RevisionStage',
  'status.revision.healthy': 'RevisionStage',
  'status.drift': 'DriftEntry',
  'status.history': 'HistoryEntry',
  'status.attempts': 'Attempt',
  'status.attempts.images': 'ImageChange',
  'status.attempts.failures': 'AttemptFailure',
  'status.attempts.corrections': 'AttemptCorrections',
  'status.attempts.commits': 'ListedCommit',
  'status.attempts.origins': 'OriginCommit',
  'status.attempts.passed': 'ListedCommit',
  'status.attempts.unrecorded': 'ListedCommit',
  'status.attempts.changes': 'AttemptChanges',
  'status.notify.commit': 'CommitStatusTold',
  'status.notify.pending': 'Notification',
  'status.notify.pending.drift': 'DriftEntry',
  'status.notify.told': 'ToldNotification',
};

/** What an interface that serves several fields says of itself. */
const shared: Readonly<Record<string, string>> = {
  SecretRef: 'A Secret in the namespace of the source.',
  RevisionStage: 'A revision, and when it came this far.',
  ListedCommit: 'A commit, in short.',
};

const head = `/** Generated from crds/plumbline.dev_gitopssources.yaml by crds/generate.ts; not to be edited. */
import type { KubeObject, ObjectMeta } from '../kube/types.ts';

`;

/** The text of operator/api/types.ts. What has a default is always there, since the API server fills it in. */
export function typesOf(crd: Crd): string {
  const schema = schemaOf(crd);
  const interfaces = new Map<string, string>();
  const top = [
    comment(schema.description ?? '', ''),
    'export interface GitOpsSource extends KubeObject {',
    `  readonly apiVersion: '${crd.spec.group}/v1';`,
    `  readonly kind: '${crd.spec.names.kind}';`,
    '  readonly metadata: ObjectMeta & { readonly namespace: string };',
    comment(property(schema, 'spec').description ?? '', '  '),
    '  readonly spec: GitOpsSourceSpec;',
    comment(property(schema, 'status').description ?? '', '  '),
    '  readonly status?: GitOpsSourceStatus | undefined;',
    '}\n',
  ].join('\n');
  interfaces.set('GitOpsSource', top);
  for (const part of ['spec', 'status']) addInterface(interfaces, part, property(schema, part));
  return head + [...interfaces.values()].join('\n');
}

function addInterface(interfaces: Map<string, string>, path: string, schema: Schema): string {
  const name = nameOf(path);
  const known = interfaces.get(name);
  // Keeps the outer interface before those that it uses.
  if (known === undefined) interfaces.set(name, '');
  const fields = Object.entries(schema.properties ?? {}).map(([field, inner]) => {
    const mustBe = schema.required?.includes(field) === true || inner.default !== undefined;
    const type = typeOf(interfaces, `${path}.${field}`, inner);
    return `${comment(inner.description ?? '', '  ')}\n  readonly ${field}${mustBe ? '' : '?'}: ${type}${mustBe ? '' : ' | undefined'};\n`;
  });
  const body = `export interface ${name} {\n${fields.join('')}}\n`;
  if (known !== undefined && !known.endsWith(body)) throw new Error(`${path}: ${name} is already another interface`);
  if (known === undefined) interfaces.set(name, `${comment(shared[name] ?? schema.description ?? '', '')}\n${body}`);
  return name;
}

function typeOf(interfaces: Map<string, string>, path: string, schema: Schema): string {
  switch (schema.type) {
    case 'object':
      return addInterface(interfaces, path, schema);
    case 'array': {
      if (schema.items === undefined) throw new Error(`${path}: a list without items`);
      const item = typeOf(interfaces, path, schema.items);
      return `readonly ${item.includes(' ') ? `(${item})` : item}[]`;
    }
    case 'string':
      return schema.enum === undefined ? 'string' : schema.enum.map((value) => `'${value}'`).join(' | ');
    case 'integer':
      return 'number';
    case 'boolean':
      return 'boolean';
  }
}

/** `spec.drift` → `SpecDrift`, unless it has a name of its own. */
function nameOf(path: string): string {
  return names[path] ?? path.replace(/(^|\.)(\w)/g, (_match, _dot: string, letter: string) => letter.toUpperCase());
}

function comment(text: string, indent: string): string {
  const width = 137 - indent.length;
  const one = `/** ${text} */`;
  if (one.length <= width) return indent + one;
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 4 > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return [`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`), `${indent} */`].join('\n');
}
