/** resourceVersions, which KEP-5504 lets compare. */

/** Whether resourceVersion `a` is later than `b` (KEP-5504: comparable as integers of any length). */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
