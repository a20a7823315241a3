/** Pure: who an adopted object's fields were applied by so far, and how they become ours, so that what git does not state goes (rule 15). */
import { fieldManager } from '../api/names.ts';
import { apiVersionOf } from '../kube/types.ts';
import type { GroupVersionKind, ManagedFieldsEntry } from '../kube/types.ts';
import type { OwnershipMark } from '../live/types.ts';
import { isMapping } from '../render/fields.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What kubectl leaves of an apply, of either kind, and the API server of an object whose records were cleared. */
const appliers: readonly (readonly [manager: string, operation: 'Apply' | 'Update'])[] = [
  ['kubectl-client-side-apply', 'Update'],
  ['kubectl', 'Apply'],
  ['before-first-apply', 'Update'],
];

/** Under which names the tools write. */
const managersOf: Readonly<Record<OwnershipMark['tool'], readonly string[]>> = {
  Flux: ['kustomize-controller', 'helm-controller'],
  'Argo CD': ['argocd-controller', 'argocd-application-controller'],
  Helm: ['helm', 'Helm'],
};

/** The managers whose entries are handed over beside kubectl's, when an object with this mark is adopted. */
export function toolManagers(mark: OwnershipMark | undefined): readonly string[] {
  return mark === undefined ? [] : managersOf[mark.tool];
}

/** Whether any of these managers may have something to hand over; which of its entries, only the entries say. */
export function mayHandOver(managers: readonly string[], tools: readonly string[]): boolean {
  return managers.some((manager) => tools.includes(manager) || appliers.some(([name]) => name === manager));
}

/**
 * The managedFields with every entry to be handed over as ours, or undefined when there is none. Entries in the manifest's
 * version are merged into one; one in another version is renamed where we have none yet (there is one Apply entry per manager,
 * and the API server converts it), and else stays as it is.
 */
export function handOver(
  entries: readonly ManagedFieldsEntry[],
  kind: GroupVersionKind,
  tools: readonly string[],
): readonly ManagedFieldsEntry[] | undefined {
  const apiVersion = apiVersionOf(kind);
  const isHanded = ({ manager = '', operation, subresource, fieldsV1 }: ManagedFieldsEntry): boolean => {
    if (subresource || fieldsV1 === undefined) return false;
    return tools.includes(manager) || appliers.some(([name, how]) => name === manager && how === operation);
  };
  const isOwn = ({ manager, operation, subresource }: ManagedFieldsEntry): boolean =>
    manager === fieldManager && operation === 'Apply' && !subresource;
  const own = entries.find(isOwn);
  const handed = entries.filter(isHanded);
  const merged = handed.filter((entry) => entry.apiVersion === apiVersion && (own === undefined || own.apiVersion === apiVersion));
  const [renamed] = merged.length === 0 && own === undefined ? handed : [];
  if (renamed !== undefined) {
    return entries.map((entry) => (entry === renamed ? { ...entry, manager: fieldManager, operation: 'Apply' } : entry));
  }
  if (merged.length === 0) return undefined;
  const fieldsV1 = [...(own === undefined ? [] : [own]), ...merged].map((entry) => entry.fieldsV1 ?? {}).reduce(union);
  const [first] = merged;
  const ours: ManagedFieldsEntry = {
    ...(own ?? first),
    manager: fieldManager,
    operation: 'Apply',
    apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1,
  };
  return [ours, ...entries.filter((entry) => entry !== own && !merged.includes(entry))];
}

/** Everything that either holds. `{}` is the place itself, which `.` says where something below it is held as well. */
function union(a: Fields, b: Fields): Fields {
  const result: Record<string, unknown> = {};
  for (const name of [...Object.keys(a), ...Object.keys(b)]) {
    const [left, right] = [a[name], b[name]];
    result[name] = isMapping(left) && isMapping(right) ? union(left, right) : (left ?? right);
  }
  const isItself = [a, b].some((node) => Object.keys(node).length === 0);
  return isItself && Object.keys(result).length > 0 ? { '.': {}, ...result } : result;
}
