/** How large a repository may be; what is over a limit is told with the limit, never read in part. */

export interface Limits {
  /** One file that is read; what is larger is never held in memory. Bytes. */
  readonly fileBytes: number;
  /** Files that are read under one path. */
  readonly files: number;
  /** Files that are read under one path together. Bytes. */
  readonly totalBytes: number;
  /** Files and folders under one path, those that are not read included. */
  readonly entries: number;
  /** What one answer may hold as it comes over the wire, large files included. Bytes. */
  readonly packBytes: number;
  /** Objects in one pack. */
  readonly objects: number;
  /** Deltas that stand on one another. */
  readonly deltaChain: number;
  /** What is kept of one answer. Bytes. */
  readonly keptBytes: number;
  /** The answer to one ls-refs. Bytes. */
  readonly refsBytes: number;
}

const mebi = 1024 * 1024;

export const defaultLimits: Limits = {
  fileBytes: 10 * mebi,
  files: 20_000,
  totalBytes: 100 * mebi,
  entries: 200_000,
  packBytes: 1024 * mebi,
  objects: 500_000,
  deltaChain: 4096,
  keptBytes: 256 * mebi,
  refsBytes: 32 * mebi,
};

/** `10 MiB`, `1.5 KiB`. */
export function sizeText(bytes: number): string {
  for (const [unit, name] of [
    [mebi, 'MiB'],
    [1024, 'KiB'],
  ] as const) {
    if (bytes >= unit) return `${Number((bytes / unit).toFixed(1))} ${name}`;
  }
  return `${bytes} bytes`;
}
