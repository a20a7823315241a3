/** Pure: corrections of drift as an annotation of a record holds them, `{"kubectl-edit": 2}`. */
import { correctionsAnnotation } from '../../api/names.ts';
import type { AttemptCorrections } from '../../api/types.ts';

/** What the annotation says; nothing where somebody wrote something else there. */
export function correctionsIn(annotations: Readonly<Record<string, string>> | undefined): readonly AttemptCorrections[] {
  let counts: unknown;
  try {
    counts = JSON.parse(annotations?.[correctionsAnnotation] ?? '{}');
  } catch (error) {
    void error; // somebody wrote something else there
  }
  if (typeof counts !== 'object' || counts === null) return [];
  return Object.entries(counts).flatMap(([manager, count]: [string, unknown]) =>
    Number.isSafeInteger(count) && (count as number) > 0 ? [{ manager, count: count as number }] : [],
  );
}

export function correctionsText(corrections: readonly AttemptCorrections[]): string {
  return JSON.stringify(Object.fromEntries(corrections.map(({ manager, count }) => [manager, count])));
}
