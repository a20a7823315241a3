/** How the watches of this process stand, whoever keeps them: for the metric, and for /readyz (rule 36). */
import { apiVersionOf, groupKindText, gvkKey } from '../kube/types.ts';
import type { GroupVersionKind } from '../kube/types.ts';

/** Which of the watches of a kind; the same kind can be watched for several ends, and in several namespaces. */
export interface WatchPart {
  /** What is broken of `members` the inventory tells itself. */
  readonly of: 'sources' | 'members' | 'pods';
  readonly namespace?: string | undefined;
}

export interface WatchStates {
  /** A watch breaks or heals; `up` is undefined for one that ends. */
  note(gvk: GroupVersionKind, part: WatchPart, up: boolean | undefined, error?: unknown): void;
  /** The watches that are broken, those of members aside, a line each. */
  broken(): readonly string[];
}

interface Part {
  readonly up: boolean;
  /** What is told of it while it is broken. */
  readonly text: string | undefined;
}

/** `onKind`: a kind has one watch that is broken, or none, or (undefined) no watch any more. */
export function createWatchStates(onKind: (gvk: GroupVersionKind, up: boolean | undefined) => void): WatchStates {
  const kinds = new Map<string, Map<string, Part>>();
  return {
    note(gvk, part, up, error) {
      const key = gvkKey(gvk);
      const parts = kinds.get(key) ?? new Map<string, Part>();
      kinds.set(key, parts);
      const name = `${part.of}/${part.namespace ?? ''}`;
      if (up === undefined) parts.delete(name);
      else parts.set(name, { up, text: up || part.of === 'members' ? undefined : brokenText(gvk, part, error) });
      if (parts.size === 0) kinds.delete(key);
      onKind(gvk, parts.size === 0 ? undefined : [...parts.values()].every((one) => one.up));
    },
    broken: () => [...kinds.values()].flatMap((parts) => [...parts.values()].flatMap(({ text }) => text ?? [])),
  };
}

function brokenText(gvk: GroupVersionKind, { namespace }: WatchPart, error: unknown): string {
  const where = namespace === undefined ? '' : ` in ${namespace}`;
  const why = error instanceof Error ? `: ${error.message}` : '';
  return `${groupKindText(gvk)} ${apiVersionOf(gvk)}${where}${why}`;
}
