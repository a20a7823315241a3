/** Pure: one sentence for a workload from the troubles of its pods. */
import type { Trouble } from './pod-trouble.ts';

/** A pod that is not well. */
export interface AilingPod {
  readonly name: string;
  readonly trouble: Trouble;
}

/** As many different troubles are told of one workload. */
const toldTroubles = 2;

/** `pod web-7d9f: container web …` or `3 pods (web-7d9f and others): …`; undefined when no pod ails. The order of pods does not matter. */
export function podsText(pods: readonly AilingPod[]): string | undefined {
  if (pods.length === 0) return undefined;
  const byKind = new Map<string, AilingPod[]>();
  for (const pod of pods.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const alike = byKind.get(pod.trouble.kind);
    if (alike === undefined) byKind.set(pod.trouble.kind, [pod]);
    else alike.push(pod);
  }
  const groups = [...byKind.values()].toSorted((a, b) => weightOf(b) - weightOf(a) || b.length - a.length);
  const told = groups.slice(0, toldTroubles).map(groupText);
  const rest = groups.slice(toldTroubles).reduce((sum, group) => sum + group.length, 0);
  return rest === 0 ? told.join('; ') : `${told.join('; ')}; and ${rest} more ${rest === 1 ? 'pod' : 'pods'} not well`;
}

function weightOf(group: readonly AilingPod[]): number {
  return group[0]?.trouble.weight ?? 0;
}

function groupText(group: readonly AilingPod[]): string {
  const [first] = group;
  if (first === undefined) return '';
  const others = group.length - 1;
  return others === 0 ? `pod ${first.name}: ${first.trouble.text}` : `pod ${first.name} and ${others} more: ${first.trouble.text}`;
}
