/** Pure: what a dry-run apply of the manifest would change, to hold a verdict against: `kubectl plumbline verify` and the tests. */
import type { KubeObject } from '../../kube/types.ts';
import { isMapping } from '../../render/fields.ts';
import { childOf, isLeaf, itemNodes, ownEntry, setMembers } from './fields.ts';
import type { FieldSet } from './fields.ts';
import { isBlank, isSameScalar, pathText, valueAt } from './path.ts';
import type { ItemStep, Path, Step } from './path.ts';
import { isEqual } from './settle.ts';
import { neverCompared } from './stated.ts';
import type { Drift } from './types.ts';

/**
 * Every field that our entry would hold after the apply and that has another value now; an associative list whose items
 * would change their order is one too. Both objects whole.
 */
export function differences(live: KubeObject, answer: KubeObject): readonly Path[] {
  const node = ownEntry(answer.metadata.managedFields)?.fieldsV1;
  const found: Path[] = [];
  if (node !== undefined) visit([], node, live, answer, found);
  return found;
}

function visit(path: Path, node: FieldSet, live: unknown, answer: unknown, found: Path[]): void {
  if (path.length > 0 && isLeaf(node)) {
    // What is empty and what is absent say the same (`securityContext: {}`).
    if (!isEqual(live, answer) && !(isBlank(live) && isBlank(answer))) found.push(path);
    return;
  }
  if (path.length > 0 && live === undefined) {
    found.push(path);
    return;
  }
  const at = (step: Step, value: unknown): unknown => valueAt(value, [step]);
  for (const name of Object.keys(node)) {
    const child = childOf(node, name);
    if (!name.startsWith('f:') || child === undefined || neverCompared.has(name.slice(2))) continue;
    const step = { field: name.slice(2) };
    visit([...path, step], child, at(step, live), at(step, answer), found);
  }
  const items = itemNodes(node);
  for (const { keys, node: child } of items) {
    const step = { item: keys, index: undefined };
    visit([...path, step], child, at(step, live), at(step, answer), found);
  }
  for (const value of setMembers(node)) if (at({ value }, live) === undefined) found.push([...path, { value }]);
  if (
    items.length > 1 &&
    !isSameOrder(
      items.map(({ keys }) => keys),
      live,
      answer,
    )
  )
    found.push(path);
}

function isSameOrder(all: readonly Readonly<Record<string, unknown>>[], live: unknown, answer: unknown): boolean {
  const order = (list: unknown): readonly number[] =>
    !Array.isArray(list)
      ? []
      : list.flatMap((one) => {
          const at = all.findIndex((keys) => isMapping(one) && Object.keys(keys).every((key) => isSameScalar(one[key], keys[key])));
          return at < 0 ? [] : [at];
        });
  const [now, then] = [order(live), order(answer)];
  const both = new Set(now.filter((at) => then.includes(at)));
  return isEqual(
    now.filter((at) => both.has(at)),
    then.filter((at) => both.has(at)),
  );
}

/** One sentence for each field about which verdict and dry run are of two minds; empty when they agree. */
export function disagreements(drift: Pick<Drift, 'fields'>, truth: readonly Path[]): readonly string[] {
  const told = drift.fields.map(({ path }) => path);
  return [
    ...truth.filter((path) => !told.some((one) => isRelated(one, path))).map((path) => `${pathText(path)} would change and is not told`),
    ...told.filter((path) => !truth.some((one) => isRelated(path, one))).map((path) => `${pathText(path)} is told and would not change`),
  ];
}

/** Whether one of the two paths is inside of the other, or they are the same. */
function isRelated(a: Path, b: Path): boolean {
  return a.slice(0, b.length).every((step, index) => isSameStep(step, b[index] as Step));
}

function isSameStep(a: Step, b: Step): boolean {
  if ('field' in a) return 'field' in b && a.field === b.field;
  if ('value' in a) return 'value' in b && isSameScalar(a.value, b.value);
  if (!('item' in b)) return false;
  const [one, other] = [keysOf(a), keysOf(b)];
  return Object.keys(one).every((key) => one[key] === undefined || other[key] === undefined || isSameScalar(one[key], other[key]));
}

function keysOf({ item, rest }: ItemStep): Readonly<Record<string, unknown>> {
  return { ...rest, ...item };
}
