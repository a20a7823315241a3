/** How much one file may ask of the reader. What is over a limit is refused, never read in part. */

/** Faults that are told one by one; the rest is counted. */
export const maxFaults = 50;
/** Documents in one file. */
export const maxDocuments = 5_000;
/** Lines of one document; an empty list item costs no more than a line. */
export const maxLines = 250_000;
/** Values and keys of one document, aliases expanded. */
export const maxNodes = 200_000;
/** Characters that aliases add to one document. */
export const maxAliasCharacters = 10 * 1024 * 1024;
/** Mappings and lists inside each other, aliases expanded. Everything that walks an object afterwards relies on it. */
export const maxDepth = 100;
