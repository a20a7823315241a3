/** One file to its documents, as kubectl reads them. */
import type { Place } from '../errors.ts';
import type { FaultList } from './faults.ts';
import { readJson } from './json.ts';
import { decodeText, locator } from './text.ts';
import type { RawDocument, Report } from './text.ts';
import { readYaml } from './yaml.ts';

/** A file of a snapshot. */
export interface ManifestFile {
  readonly path: string;
  readonly content: Buffer;
}

/** One document of a file: a JSON value, integers above 2^53 as bigint. Aliased parts are the same object: never change it. */
export interface SourceDocument {
  readonly value: unknown;
  /** The line of its first content, from 1. */
  readonly line: number;
  /** The place of a mapping of this document, or of one of its keys; the document's own where that is not known. */
  placeOf(mapping: object, key?: string): Place & { readonly line: number };
}

/**
 * The documents of a `.yaml`, `.yml` or `.json` file, empty ones left out. What is wrong goes to `faults` with line and
 * column (and the remedy that a file which is no manifest needs); the documents that can be read are returned all the same.
 */
export function readDocuments(file: ManifestFile, faults: FaultList, remedy?: string): SourceDocument[] {
  const decoded = decodeText(file.content);
  if ('invalid' in decoded) {
    faults.add({ reason: 'RenderFailed', place: { file: file.path, ...decoded.invalid }, message: 'not UTF-8 text', remedy });
    return [];
  }
  const { text } = decoded;
  const locate = locator(text);
  const report: Report = (offset, message, own = remedy) =>
    faults.add({ reason: 'RenderFailed', place: { file: file.path, ...locate(offset) }, message, remedy: own });
  return readText(file.path, text, report).map((document) => {
    const { line } = locate(document.start);
    return {
      value: document.value,
      line,
      placeOf(mapping, key) {
        const offset = document.find(mapping, key);
        return offset === undefined ? { file: file.path, line } : { file: file.path, ...locate(offset) };
      },
    };
  });
}

function readText(path: string, text: string, report: Report): RawDocument[] {
  if (path.endsWith('.json')) return readJson(text, report);
  // kubectl takes JSON in a YAML file too, one object after the other; what is no JSON is YAML in braces.
  if (/^\s*\{/.test(text)) {
    let clean = true;
    const documents = readJson(text, () => {
      clean = false;
    });
    if (clean) return documents;
  }
  return readYaml(text, report);
}
