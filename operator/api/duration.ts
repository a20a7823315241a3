/** Durations as the CRD allows them: Go's, with h, m, s and ms, each at most once and in this order. */

const shape = /^(?:(\d{1,6}(?:\.\d{1,6})?)h)?(?:(\d{1,6}(?:\.\d{1,6})?)m)?(?:(\d{1,6}(?:\.\d{1,6})?)s)?(?:(\d{1,6}(?:\.\d{1,6})?)ms)?$/;

/** `1m30s` → 90000, in whole milliseconds; undefined for what is no duration. */
export function parseDuration(text: string): number | undefined {
  const match = text === '' ? null : shape.exec(text);
  if (match === null) return undefined;
  const [hours = 0, minutes = 0, seconds = 0, milliseconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return Math.round(hours * 3_600_000 + minutes * 60_000 + seconds * 1_000 + milliseconds);
}

/** 90000 → `1m30s`, as messages write it; under a second in milliseconds. */
export function durationText(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)}ms`;
  const seconds = Math.round(milliseconds / 1_000);
  const parts = [
    [Math.floor(seconds / 3_600), 'h'],
    [Math.floor((seconds % 3_600) / 60), 'm'],
    [seconds % 60, 's'],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join('');
}
