/** Pure: tables as kubectl prints them. What git and the cluster say is printed as text, never as what a terminal obeys. */

/** Characters of one cell; the rest is cut. */
const longest = 120;
const gap = '   ';

/** Columns as wide as their longest cell, the last one ragged; ends with a newline. */
export function tableText(header: readonly string[], rows: readonly (readonly (string | undefined)[])[]): string {
  const lines = [header, ...rows.map((row) => row.map((cell) => cellText(cell)))];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => lengthOf(line[column] ?? ''))));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => padded(cell, widths[column] ?? 0))
          .join(gap)
          .trimEnd()}\n`,
    )
    .join('');
}

/** `name:   value`, one a line; those without a value are left out, a long one is not cut. */
export function fieldsText(fields: readonly (readonly [name: string, value: string | undefined])[]): string {
  const told = fields.filter((field): field is readonly [string, string] => field[1] !== undefined);
  const width = Math.max(0, ...told.map(([name]) => name.length + 1));
  return told.map(([name, value]) => `${padded(`${name}:`, width)}${gap}${printable(value)}\n`).join('');
}

/** Without line breaks, escapes, and characters that are not seen or turn the direction of what is. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ');
}

function cellText(text: string | undefined): string {
  if (text === undefined || text === '') return '-';
  const characters = Array.from(printable(text));
  return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : characters.join('');
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - lengthOf(text)));
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}
