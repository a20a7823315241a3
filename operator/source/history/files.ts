/** The objects of files as history compares them; what was read once is kept, the file itself is not. */
import type { FileParts, FileReader } from './last-change.ts';
import type { ObjectReader } from './types.ts';

/** What render makes of a file: see fileObjects in render. */
export type ReadObjects = (file: { readonly path: string; readonly content: Buffer }) => FileParts;

/** Larger files are not told apart: to read each of their versions would hold everything else up. Bytes. */
const maxFile = 1024 * 1024;
/** Objects that are kept. */
const maxKept = 50_000;

/** Reads the files of `reader`. */
export function makeFiles(reader: ObjectReader, read: ReadObjects): FileReader {
  const known = new Map<string, FileParts>();
  let size = 0;
  const contentOf = (blob: string): Buffer | undefined => {
    const object = reader.read(blob);
    return object?.type === 'blob' && object.data.length <= maxFile ? object.data : undefined;
  };
  return {
    has: (path, blob) => known.has(keyOf(path, blob)) || reader.read(blob) !== undefined,
    objectsOf(path, blob) {
      const before = known.get(keyOf(path, blob));
      if (before !== undefined) return before;
      const content = contentOf(blob);
      if (content === undefined) return undefined;
      const objects = read({ path, content });
      size += objects.size + 1;
      if (size > maxKept) {
        known.clear();
        size = objects.size + 1;
      }
      known.set(keyOf(path, blob), objects);
      return objects;
    },
  };
}

/** JSON and YAML of the same bytes are not read the same way. */
function keyOf(path: string, blob: string): string {
  return `${path.endsWith('.json') ? 'json' : 'yaml'} ${blob}`;
}
