/** Pure: what spec.drift.ignore leaves out of a verdict. */
import type { ObjectId } from '../../kube/types.ts';
import type { Path, Step } from './path.ts';
import type { Drift, Finding } from './types.ts';

/** One rule: all that it states must match. */
export interface IgnoreRule {
  readonly group?: string | undefined;
  readonly kind?: string | undefined;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  /** JSON pointers; `*` is any step, `[name=web]` an item of a list. Each with all that is below it; none is every field. */
  readonly paths?: readonly string[] | undefined;
  readonly managers?: readonly string[] | undefined;
}

/** A verdict as the rules leave it. */
export interface Judged extends Drift {
  /** Fields that are not ours and stay so: left out when the object is written. */
  readonly ignored: readonly Path[];
}

const nothingIgnored: readonly Path[] = [];

/** The verdict without what a rule ignores. */
export function applyIgnore(drift: Drift, id: ObjectId, rules: readonly IgnoreRule[]): Judged {
  const ofObject = rules.filter((rule) => isObject(rule, id));
  if (ofObject.length === 0) return { ...drift, ignored: nothingIgnored };
  const isIgnored = (path: Path, manager: string | undefined): boolean => ofObject.some((rule) => isFinding(rule, path, manager));
  const keep = (finding: Finding): boolean => !isIgnored(finding.path, finding.manager);
  const gone = drift.fields.filter((finding) => !keep(finding)).map(({ path }) => path);
  const goneLost = drift.lost.filter((path) => isIgnored(path, undefined));
  return {
    fields: drift.fields.filter(keep),
    extra: drift.extra.filter(keep),
    lost: drift.lost.filter((path) => !goneLost.includes(path)),
    undecided: drift.undecided.filter((path) => path.length === 0 || !isIgnored(path, undefined)),
    ignored: [...gone, ...goneLost],
  };
}

/** Whether nobody is told that the object is gone, since a rule ignores all of it. */
export function ignoresAll(id: ObjectId, rules: readonly IgnoreRule[]): boolean {
  return rules.some((rule) => isObject(rule, id) && rule.paths === undefined && rule.managers === undefined);
}

function isObject(rule: IgnoreRule, id: ObjectId): boolean {
  return (['group', 'kind', 'name', 'namespace'] as const).every((field) => rule[field] === undefined || rule[field] === id[field]);
}

/** A field that nobody is recorded to hold is no manager's. */
function isFinding({ paths, managers }: IgnoreRule, path: Path, manager: string | undefined): boolean {
  if (managers !== undefined && managers.length > 0 && (manager === undefined || !managers.includes(manager))) return false;
  return paths === undefined || paths.some((pointer) => covers(parsePointer(pointer), path));
}

/** What one part of a pointer takes. */
type Part = { readonly any: true } | { readonly keys: readonly (readonly [string, string])[] } | { readonly name: string };

/** `/spec/template/spec/containers/[name=web]/image`; the bracket may also follow its list without a slash. */
export function parsePointer(pointer: string): readonly Part[] {
  return pointer
    .split('/')
    .slice(1)
    .flatMap((part) => {
      const [, list, bracket] = /^([^[]+)(\[.*\])$/u.exec(part) ?? [];
      return list === undefined || bracket === undefined ? [part] : [list, bracket];
    })
    .map((part): Part => {
      if (part === '*') return { any: true };
      const inside = /^\[(.*)\]$/u.exec(part)?.[1];
      if (inside?.includes('=') !== true) return { name: unescape(part) };
      const keys = inside.split(',').map((pair) => {
        const at = pair.indexOf('=');
        return [unescape(pair.slice(0, at)), unescape(pair.slice(at + 1)).replace(/^"(.*)"$/u, '$1')] as const;
      });
      return { keys };
    });
}

/** Whether the pointer names this path or something that it is inside of. */
function covers(pointer: readonly Part[], path: Path): boolean {
  return pointer.length <= path.length && pointer.every((part, index) => takes(part, path[index] as Step));
}

function takes(part: Part, step: Step): boolean {
  if ('any' in part) return true;
  if ('keys' in part) {
    if ('value' in step) return part.keys.some(([key, value]) => key === '' && value === String(step.value));
    return 'item' in step && part.keys.every(([key, value]) => key in step.item && String(step.item[key]) === value);
  }
  if ('field' in step) return step.field === part.name;
  if ('item' in step) return step.index !== undefined && String(step.index) === part.name;
  return String(step.value) === part.name;
}

/** RFC 6901 */
function unescape(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
