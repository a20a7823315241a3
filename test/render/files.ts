/** Snapshots and documents out of text, for the tests of render. */
import { PlumblineError, faultText } from '../../operator/errors.ts';
import type { Fault } from '../../operator/errors.ts';
import { readDocuments } from '../../operator/render/documents.ts';
import type { SourceDocument } from '../../operator/render/documents.ts';
import { faultList } from '../../operator/render/faults.ts';
import type { Snapshot } from '../../operator/source/types.ts';

/** A snapshot of these files, by path. */
export function snapshot(files: Readonly<Record<string, string>>, path = ''): Snapshot {
  return {
    commit: { sha: 'f'.repeat(40), subject: 'Change', author: 'Ada <ada@example.com>', time: '2026-01-01T00:00:00Z' },
    path,
    tree: 'e'.repeat(40),
    files: Object.entries(files).map(([name, content]) => ({ path: name, oid: 'd'.repeat(40), content: Buffer.from(content) })),
  };
}

/** The faults that `act` throws; none when it does not throw. */
export function faultsOf(act: () => unknown): readonly Fault[] {
  try {
    act();
  } catch (error) {
    if (error instanceof PlumblineError) return error.faults;
    throw error;
  }
  return [];
}

/** The documents of a file, and its faults as texts. */
export function read(content: string | Buffer, path = 'a.yaml'): { documents: SourceDocument[]; faults: string[] } {
  const faults = faultList();
  const documents = readDocuments({ path, content: Buffer.from(content) }, faults);
  return { documents, faults: faultsOf(() => faults.throwIfAny()).map(faultText) };
}

/** The only document of a file without faults. */
export function value(content: string, path = 'a.yaml'): unknown {
  const { documents, faults } = read(content, path);
  if (faults.length > 0 || documents.length !== 1) throw new Error(`${documents.length} documents; ${faults.join('; ')}`);
  return documents[0]?.value;
}
