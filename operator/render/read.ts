/** The files of a snapshot to the objects they state. */
import type { Fault } from '../errors.ts';
import { caseTwins } from '../source/names.ts';
import type { Snapshot, SnapshotFile } from '../source/types.ts';
import { readDocuments } from './documents.ts';
import type { SourceDocument } from './documents.ts';
import { faultList } from './faults.ts';
import type { FaultList } from './faults.ts';
import { pathText, typeText } from './fields.ts';
import { normalise } from './normalise.ts';
import { finish } from './steps.ts';
import { isKubernetes, nameOf, objectsOf, placeOfField, shapeFault } from './objects.ts';
import type { Draft, Notice } from './types.ts';

export interface ReadSnapshot {
  readonly drafts: readonly Draft[];
  readonly notices: readonly Notice[];
  /** What could not be read; the drafts are the rest. */
  readonly faults: FaultList;
}

/**
 * Every object of the snapshot, normalised (rule 2), in the order of files and lines. Throws PlumblineError with all faults
 * (the first 50, then their number): KustomizeNotSupported or HelmNotSupported where such a folder is at or under the path,
 * else RenderFailed.
 */
export function readSnapshot(snapshot: Snapshot): ReadSnapshot {
  const read = finish(readingSnapshot(snapshot));
  read.faults.throwIfAny();
  return read;
}

/**
 * The same in steps, one a file, so that whoever drives it can let others have a turn between them. Faults of files are
 * given, not thrown, so that `settling` can tell its own beside them.
 */
export function* readingSnapshot(snapshot: Snapshot): Generator<void, ReadSnapshot, void> {
  const faults = faultList();
  // The templates of a chart or the patches of an overlay would only add faults that nobody should mend.
  for (const file of snapshot.files) {
    const fault = builtBySomethingElse(snapshot, file);
    if (fault !== undefined) faults.add(fault);
  }
  faults.throwIfAny();

  const drafts: Draft[] = [];
  const notices: Notice[] = alikeNotices(snapshot);
  for (const file of snapshot.files) {
    readFile(snapshot, file, faults, drafts, notices);
    yield;
  }
  return { drafts, notices, faults };
}

/** Files that a laptop which ignores case cannot both check out; the cluster gets both. */
function alikeNotices({ files }: Snapshot): Notice[] {
  return caseTwins(files.map(({ path }) => path)).map(({ path, of }) => ({
    place: { file: path },
    message: `its name differs from ${of} by case only: both are read, but where case is ignored (macOS, Windows) a checkout holds one of them; rename one`,
  }));
}

const kustomizations: ReadonlySet<string> = new Set(['kustomization.yaml', 'kustomization.yml', 'Kustomization']);

function builtBySomethingElse(snapshot: Snapshot, file: SnapshotFile): Fault | undefined {
  const slash = file.path.lastIndexOf('/');
  const name = file.path.slice(slash + 1);
  const folder = relative(snapshot, file.path.slice(0, Math.max(slash, 0)));
  const orExclude = folder === '' ? '' : `, or add ${globOf(folder, '/**')} to spec.exclude`;
  if (kustomizations.has(name)) {
    return {
      reason: 'KustomizeNotSupported',
      place: { file: file.path },
      message: 'a kustomization, which this version does not build; bases and overlays are never applied as they are',
      remedy: `Point spec.path at the output of kustomize build${orExclude}.`,
    };
  }
  if (name !== 'Chart.yaml') return undefined;
  return {
    reason: 'HelmNotSupported',
    place: { file: file.path },
    message: 'a Helm chart, which this version does not render; templates are never applied as they are',
    remedy: `Point spec.path at the output of helm template${orExclude}.`,
  };
}

function readFile(snapshot: Snapshot, file: SnapshotFile, faults: FaultList, drafts: Draft[], notices: Notice[]): void {
  let isForeign = false;
  for (const document of readDocuments(file, faults, 'Correct the file, or name it in spec.exclude if it is no manifest.')) {
    if (isKubernetes(document.value)) readObjects(document, faults, drafts, notices);
    else if (!isForeign) {
      isForeign = true; // once a file: the glob is the same for all of its documents
      faults.add(foreign(file, document, `If ${file.path} is no manifest, add ${globOf(relative(snapshot, file.path))} to spec.exclude.`));
    }
  }
}

function foreign(file: SnapshotFile, document: SourceDocument, remedy: string): Fault {
  const what = typeText(document.value) === 'a mapping' ? 'it has neither apiVersion nor kind' : `it is ${typeText(document.value)}`;
  return { reason: 'RenderFailed', place: { file: file.path, line: document.line }, message: `no Kubernetes object: ${what}`, remedy };
}

function readObjects(document: SourceDocument, faults: FaultList, drafts: Draft[], notices: Notice[]): void {
  for (const { object, stated } of objectsOf(document, faults)) {
    const normalised = normalise(object);
    for (const fault of normalised.faults) faults.add(shapeFault(document, stated, fault.path, fault.message));
    const [first] = normalised.leftOut;
    if (first !== undefined) {
      notices.push({
        place: placeOfField(document, stated, first),
        object: nameOf(stated),
        message: `left out what is set in the cluster, not in git: ${normalised.leftOut.map((path) => pathText(path)).join(', ')}`,
      });
    }
    const { file, line } = document.placeOf(stated);
    drafts.push({ object: normalised.object, place: { file, line } });
  }
}

function relative(snapshot: Snapshot, path: string): string {
  if (snapshot.path === '') return path;
  return path === snapshot.path ? '' : path.slice(snapshot.path.length + 1);
}

/** A glob of spec.exclude that means this very path, in quotes. */
function globOf(path: string, below = ''): string {
  return JSON.stringify(path.replace(/[\\*?[\]{}()!+@|]/g, '\\$&') + below);
}
