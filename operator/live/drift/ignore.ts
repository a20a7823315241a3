/** Pure: what spec.drift.ignore leaves out of a verdict. */
import { hashAnnotation, partOfLabel } from '../../api/names.ts';
import type { ObjectId } from '../../kube/types.ts';
import { isRestart } from './extra.ts';
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
  /** Restarts by hand of a rollout whose time git states too: undone by nothing but a revision that changes the object. */
  readonly restarted: readonly Path[];
}

const nothing: readonly Path[] = [];

/** The verdict without what a rule ignores. */
export function applyIgnore(drift: Drift, id: ObjectId, rules: readonly IgnoreRule[]): Judged {
  const ofObject = rules.filter((rule) => isObject(rule, id));
  if (ofObject.length === 0) return withoutRestarts({ ...drift, ignored: nothing, restarted: nothing });
  const isIgnored = (path: Path, manager: string | undefined): boolean =>
    !isMark(path) && ofObject.some((rule) => isFinding(rule, path, manager));
  const keep = (finding: Finding): boolean => !isIgnored(finding.path, finding.manager);
  // What we hold cannot be left out: that would remove it.
  const gone = drift.fields.filter((finding) => !keep(finding) && finding.held !== true).map(({ path }) => path);
  const goneLost = drift.lost.filter((path) => isIgnored(path, undefined));
  return withoutRestarts({
    fields: drift.fields.filter(keep),
    extra: drift.extra.filter(keep),
    lost: drift.lost.filter((path) => !goneLost.includes(path)),
    undecided: drift.undecided.filter((path) => path.length === 0 || !isIgnored(path, undefined)),
    unheld: drift.unheld.filter((path) => !isIgnored(path, undefined)),
    ignored: [...gone, ...goneLost, ...drift.unheld.filter((path) => isIgnored(path, undefined))],
    restarted: nothing,
  });
}

function withoutRestarts(judged: Judged): Judged {
  const restarts = judged.fields.filter(isRestart);
  if (restarts.length === 0) return judged;
  return { ...judged, fields: judged.fields.filter((finding) => !isRestart(finding)), restarted: restarts.map(({ path }) => path) };
}

/** Whether this is the mark by which an object is known to be ours: no rule is about it. */
export function isMark([root, map, key, ...more]: Path): boolean {
  if (root === undefined || map === undefined || key === undefined || more.length > 0) return false;
  if (!('field' in root && 'field' in map && 'field' in key) || root.field !== 'metadata') return false;
  return (map.field === 'annotations' && key.field === hashAnnotation) || (map.field === 'labels' && key.field === partOfLabel);
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
    if (!('item' in step)) return false;
    const known = [step.item, step.rest ?? {}];
    return part.keys.every(([key, value]) => known.some((keys) => key in keys && String(keys[key]) === value));
  }
  if ('field' in step) return step.field === part.name;
  if ('item' in step) return step.index !== undefined && String(step.index) === part.name;
  return String(step.value) === part.name;
}

/** RFC 6901 */
function unescape(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
