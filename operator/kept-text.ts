/** Texts that are kept for as long as what they belong to: a thousand sources hold some hundred thousand of them. */

/** V8 copies what is shorter; of the rest it keeps the text that they were cut from. */
const cutLength = 13;

/** The same text on its own: one that was cut from a file would keep the whole file in memory. */
export function detached(text: string): string {
  return text.length < cutLength ? text : (JSON.parse(JSON.stringify(text)) as string);
}

const known = new Map<string, string>();
/** Enough for the sources of one operator, and nothing where it is not: what is forgotten is learnt anew. */
const mostKnown = 8_192;
const longest = 256;

/** One and the same string for equal texts: of ten thousand objects most carry the commit and the namespace of others. */
export function shared(text: string): string {
  const same = known.get(text);
  if (same !== undefined) return same;
  if (text.length > longest) return detached(text);
  if (known.size >= mostKnown) known.clear();
  const own = detached(text);
  known.set(own, own);
  return own;
}
