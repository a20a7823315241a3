/** Pure: the fields in which two objects differ, as people read them; a Secret's values are masked. */

/** One field. Undefined where it is not there. */
export interface FieldChange {
  /** `spec.template.spec.containers[name=web].image` */
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** What the API server keeps for itself, and what says where the object came from. */
const leftOut = new Set([
  'metadata.managedFields',
  'metadata.resourceVersion',
  'metadata.generation',
  'metadata.creationTimestamp',
  'metadata.uid',
  'metadata.labels.applyset.kubernetes.io/part-of',
  'metadata.annotations.plumbline.dev/commit',
  'metadata.annotations.plumbline.dev/commit-bound',
  'metadata.annotations.plumbline.dev/origin',
  'metadata.annotations.plumbline.dev/hash',
  'status',
]);
/** Longer values are cut. */
const longest = 200;
const masked = '***';

/** Every field that differs, in the order of the objects. */
export function compareObjects(before: unknown, after: unknown, isSecret: boolean): readonly FieldChange[] {
  const changes: FieldChange[] = [];
  walk('', before, after, (path, left, right) => {
    const isHidden = isSecret && (path.startsWith('data') || path.startsWith('stringData'));
    changes.push({ path, before: shown(left, isHidden), after: shown(right, isHidden) });
  });
  return changes;
}

type Tell = (path: string, before: unknown, after: unknown) => void;

function walk(path: string, before: unknown, after: unknown, tell: Tell): void {
  if (leftOut.has(path) || Object.is(before, after)) return;
  if (isMap(before) && isMap(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      walk(path === '' ? key : `${path}.${key}`, before[key], after[key], tell);
    }
    return;
  }
  if (Array.isArray(before) && Array.isArray(after)) return walkLists(path, before, after, tell);
  // A map that comes or goes whole is told by its fields, so that what is left out stays left out.
  if (isMap(before) && after === undefined && path.startsWith('metadata')) return walk(path, before, {}, tell);
  if (before === undefined && isMap(after) && path.startsWith('metadata')) return walk(path, {}, after, tell);
  if (JSON.stringify(before, exact) === JSON.stringify(after, exact)) return;
  tell(path, before, after);
}

/** Lists of named items are compared by name, others by place. */
function walkLists(path: string, before: readonly unknown[], after: readonly unknown[], tell: Tell): void {
  const names = (list: readonly unknown[]) =>
    list.map((item) => (isMap(item) && typeof item['name'] === 'string' ? item['name'] : undefined));
  const [left, right] = [names(before), names(after)];
  if ([...left, ...right].includes(undefined)) {
    for (let index = 0; index < Math.max(before.length, after.length); index += 1)
      walk(`${path}[${index}]`, before[index], after[index], tell);
    return;
  }
  for (const name of new Set([...left, ...right])) {
    walk(`${path}[name=${name}]`, before[left.indexOf(name)], after[right.indexOf(name)], tell);
  }
}

function shown(value: unknown, isHidden: boolean): string | undefined {
  if (value === undefined) return undefined;
  if (isHidden) return masked;
  const text = JSON.stringify(value, exact) ?? 'null';
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

function exact(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
