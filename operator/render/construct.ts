/**
 * Parser events to JSON values, as sigs.k8s.io/yaml makes them: keys become strings, merge keys are followed, aliases are
 * shared and what they expand to is counted.
 */
import { EVENT_ID, getScalarValue, SCALAR_STYLE } from 'js-yaml';
import type { AliasEvent, Event, MappingEvent, ScalarEvent, SequenceEvent } from 'js-yaml';
import { isMapping, setField } from './fields.ts';
import { maxAliasCharacters, maxDepth, maxNodes } from './limits.ts';
import { isMergeTag, plainKey, plainValue, taggedValue } from './scalars.ts';
import type { RawDocument, Report } from './text.ts';

/** What an alias stands for, and what it costs to state it once more. */
interface Anchor {
  readonly value: unknown;
  readonly nodes: number;
  readonly characters: number;
  readonly height: number;
}

interface Frame {
  readonly container: Record<string, unknown> | unknown[];
  readonly start: number;
  readonly anchor: string;
  readonly nodesBefore: number;
  readonly charactersBefore: number;
  height: number;
  /** In a mapping: the key whose value comes next; undefined for one that was refused. */
  key: string | undefined;
  keyAt: number;
  expectsValue: boolean;
  isMerge: boolean;
  /** Keys that a merge brought in and that may be stated once more. */
  merged: Set<string> | undefined;
}

interface State {
  readonly source: string;
  readonly report: Report;
  readonly frames: Frame[];
  readonly anchors: Map<string, Anchor | 'open'>;
  /** The event that began each mapping. */
  readonly begins: Map<object, number>;
  nodes: number;
  characters: number;
  aliasCharacters: number;
  root: unknown;
  stopped: boolean;
}

/** The values of the documents in `events`, empty ones left out. Stops at the first document that is over a limit. */
export function constructDocuments(source: string, events: readonly Event[], report: Report): RawDocument[] {
  const documents: RawDocument[] = [];
  for (let index = 0; index < events.length;) {
    const first = index + 1;
    const state = newState(source, report);
    index = constructDocument(state, events, first);
    if (state.stopped) break;
    if (state.root === null) continue;
    const root = events[first];
    documents.push({
      value: state.root,
      start: root === undefined ? 0 : offsetOf(root),
      find: (mapping, key) => find(source, events, state.begins.get(mapping), key),
    });
  }
  return documents;
}

function newState(source: string, report: Report): State {
  return {
    source,
    report,
    frames: [],
    anchors: new Map(),
    begins: new Map(),
    nodes: 0,
    characters: 0,
    aliasCharacters: 0,
    root: null,
    stopped: false,
  };
}

/** Reads the events of one document from `index` on and returns where the next one begins. */
function constructDocument(state: State, events: readonly Event[], index: number): number {
  for (; index < events.length; index++) {
    const event = events[index];
    if (event === undefined) break;
    switch (event.type) {
      case EVENT_ID.SCALAR:
        addScalar(state, event);
        break;
      case EVENT_ID.MAPPING: {
        const mapping = {};
        state.begins.set(mapping, index);
        open(state, event, mapping);
        break;
      }
      case EVENT_ID.SEQUENCE:
        open(state, event, []);
        break;
      case EVENT_ID.ALIAS:
        addAlias(state, event);
        break;
      case EVENT_ID.POP:
        if (state.frames.length === 0) return index + 1;
        close(state);
        break;
      default:
        break;
    }
    if (state.nodes > maxNodes) stop(state, event, `there are more than ${maxNodes} values in this document, aliases expanded`);
    if (state.stopped) break;
  }
  return events.length;
}

function stop(state: State, event: Event, message: string): void {
  if (!state.stopped) state.report(offsetOf(event), message);
  state.stopped = true;
}

function addScalar(state: State, event: ScalarEvent): void {
  const text = getScalarValue(state.source, event);
  state.nodes++;
  state.characters += text.length;
  const at = offsetOf(event);
  const frame = state.frames.at(-1);
  const tag = event.tagStart < 0 ? '' : state.source.slice(event.tagStart, event.tagEnd);
  const isPlain = event.style === SCALAR_STYLE.PLAIN && tag === '';
  if (frame !== undefined && !Array.isArray(frame.container) && !frame.expectsValue) {
    const isMerge = text === '<<' && (isPlain || isMergeTag(tag));
    const key = isPlain ? plainKey(text) : tag === '' ? text : keyText(taggedValue(tag, text));
    if (key === undefined) state.report(at, 'this key is empty or a number too large for a key: put it in quotes');
    takeKey(state, frame, key, at, isMerge);
    remember(state, event, { value: key ?? null, nodes: 1, characters: text.length, height: 0 });
    return;
  }
  const value = isPlain ? plainValue(text) : tag === '' ? text : taggedValue(tag, text);
  if (value === undefined) state.report(at, 'the value does not fit its tag');
  if (typeof value === 'number' && !Number.isFinite(value))
    state.report(at, 'JSON has no infinite numbers: put the value in quotes if it is a text');
  remember(state, event, { value: value ?? null, nodes: 1, characters: text.length, height: 0 });
  addValue(state, value ?? null, 0, at);
}

function keyText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : undefined;
}

function takeKey(state: State, frame: Frame, key: string | undefined, at: number, isMerge: boolean): void {
  frame.expectsValue = true;
  frame.key = key;
  frame.keyAt = at;
  frame.isMerge = isMerge;
  if (key === undefined || isMerge || !Object.hasOwn(frame.container, key)) return;
  if (frame.merged?.delete(key) !== true) state.report(at, `the key ${JSON.stringify(key)} is stated twice`);
}

function addAlias(state: State, event: AliasEvent): void {
  const at = offsetOf(event);
  const anchor = state.anchors.get(state.source.slice(event.anchorStart, event.anchorEnd));
  if (anchor === undefined || anchor === 'open') {
    state.report(
      at,
      anchor === 'open'
        ? 'the alias is inside of what it stands for'
        : 'the alias has no anchor before it; a text that begins with * wants quotes',
    );
    addValue(state, null, 0, at);
    return;
  }
  state.nodes += anchor.nodes;
  state.characters += anchor.characters;
  state.aliasCharacters += anchor.characters;
  if (state.aliasCharacters > maxAliasCharacters)
    stop(state, event, `aliases add more than ${maxAliasCharacters} characters to this document`);
  if (state.frames.length + anchor.height > maxDepth) stop(state, event, `nested more than ${maxDepth} levels deep, aliases expanded`);
  addValue(state, anchor.value, anchor.height, at);
}

function open(state: State, event: MappingEvent | SequenceEvent, container: Frame['container']): void {
  if (state.frames.length >= maxDepth) stop(state, event, `nested more than ${maxDepth} levels deep`);
  const anchor = anchorOf(state, event);
  if (anchor !== '') state.anchors.set(anchor, 'open');
  state.nodes++;
  state.frames.push({
    container,
    start: offsetOf(event),
    anchor,
    nodesBefore: state.nodes - 1,
    charactersBefore: state.characters,
    height: 1,
    key: undefined,
    keyAt: 0,
    expectsValue: false,
    isMerge: false,
    merged: undefined,
  });
}

function close(state: State): void {
  const frame = state.frames.pop();
  if (frame === undefined) return;
  const { container: value, height } = frame;
  const nodes = state.nodes - frame.nodesBefore;
  if (frame.anchor !== '') state.anchors.set(frame.anchor, { value, nodes, characters: state.characters - frame.charactersBefore, height });
  addValue(state, value, height, frame.start);
}

function anchorOf(state: State, event: ScalarEvent | MappingEvent | SequenceEvent): string {
  return event.anchorStart < 0 ? '' : state.source.slice(event.anchorStart, event.anchorEnd);
}

function remember(state: State, event: ScalarEvent, anchor: Anchor): void {
  const name = anchorOf(state, event);
  if (name !== '') state.anchors.set(name, anchor);
}

function addValue(state: State, value: unknown, height: number, at: number): void {
  const frame = state.frames.at(-1);
  if (frame === undefined) {
    state.root = value;
    return;
  }
  frame.height = Math.max(frame.height, height + 1);
  const { container } = frame;
  if (Array.isArray(container)) {
    container.push(value);
    return;
  }
  if (!frame.expectsValue) {
    const key = keyText(value);
    if (key === undefined) state.report(at, 'a mapping, a list or nothing cannot be a key');
    takeKey(state, frame, key, at, false);
    return;
  }
  frame.expectsValue = false;
  if (frame.isMerge) merge(state, frame, value);
  else if (frame.key !== undefined) setField(container, frame.key, value);
}

/** What a merge key brings in replaces what stands above it and gives way to what stands below, as in kubectl; the first of a list wins. */
function merge(state: State, frame: Frame, value: unknown): void {
  const sources: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (!sources.every(isMapping)) {
    state.report(frame.keyAt, 'a merge key wants a mapping, an alias of one, or a list of these');
    return;
  }
  frame.merged ??= new Set();
  for (const source of sources.toReversed()) {
    for (const [key, item] of Object.entries(source)) {
      if (!Object.hasOwn(frame.container, key)) frame.merged.add(key);
      setField(frame.container as Record<string, unknown>, key, item);
    }
  }
}

function offsetOf(event: Event): number {
  switch (event.type) {
    case EVENT_ID.SCALAR: {
      const isQuoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED;
      let first = isQuoted ? event.valueStart - 1 : event.valueStart;
      if (event.anchorStart >= 0 && (first < 0 || event.anchorStart <= first)) first = event.anchorStart - 1;
      if (event.tagStart >= 0 && (first < 0 || event.tagStart < first)) first = event.tagStart;
      return Math.max(first, 0);
    }
    case EVENT_ID.MAPPING:
    case EVENT_ID.SEQUENCE:
      return event.start;
    case EVENT_ID.ALIAS:
      return event.anchorStart - 1;
    default:
      return 0;
  }
}

/** Where a mapping begins, or one of the keys that it states itself. */
function find(source: string, events: readonly Event[], begin: number | undefined, key: string | undefined): number | undefined {
  const mapping = begin === undefined ? undefined : events[begin];
  if (begin === undefined || mapping === undefined) return undefined;
  if (key === undefined) return offsetOf(mapping);
  let depth = 0;
  let isKey = true;
  for (let index = begin + 1; index < events.length; index++) {
    const event = events[index];
    if (event === undefined) break;
    if (event.type === EVENT_ID.POP && --depth < 0) break;
    if (depth === 0 && isKey && event.type === EVENT_ID.SCALAR) {
      const text = getScalarValue(source, event);
      if ((event.style === SCALAR_STYLE.PLAIN ? plainKey(text) : text) === key) return offsetOf(event);
    }
    if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) depth++;
    else if (depth === 0) isKey = !isKey;
  }
  return offsetOf(mapping);
}
