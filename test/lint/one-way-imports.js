/**
 * oxlint plugin: a folder of operator/ imports only from its own and from those before it, so that a reconcile reads in
 * one direction. The order is here and nowhere else.
 */
import { dirname, join, relative, sep } from 'node:path';

/** Folders and files of operator/ in reading order; those of one line may know each other only in the first. */
const order = [
  ['errors', 'version', 'log', 'kept-text', 'api', 'kube'],
  ['source'],
  ['render'],
  ['live'],
  ['plan'],
  ['apply'],
  ['report'],
  ['notify'],
  ['reconcile'],
  ['config'],
  ['web', 'cli'],
  ['main'],
];

/** What is wrong with `file` (from the root of the project) importing `specifier`; undefined when nothing is. */
function fault(file, specifier) {
  const from = partOf(file);
  if (from === undefined || !specifier.startsWith('.')) return undefined;
  const target = join(dirname(file), specifier);
  const to = partOf(target);
  // The package's own description is data, not code.
  if (to === undefined) return target.endsWith('.json') ? undefined : `operator/ does not import from outside: ${specifier}`;
  if (from === to) return undefined;
  const [fromAt, toAt] = [from, to].map((part) => order.findIndex((line) => line.includes(part)));
  if (fromAt < 0) return `operator/${from} has no place in the reading order (test/lint/one-way-imports.js)`;
  if (toAt < 0) return `operator/${to} has no place in the reading order (test/lint/one-way-imports.js)`;
  if (toAt < fromAt || (toAt === fromAt && fromAt === 0)) return undefined;
  return `operator/${from} must not import from operator/${to}: imports point one way`;
}

/** `render` of `operator/render/yaml.ts`, `errors` of `operator/errors.ts`; undefined outside of operator/. */
function partOf(file) {
  const [top, part] = file.split(sep);
  return top === 'operator' ? part?.replace(/\.ts$/, '') : undefined;
}

const rule = {
  create(context) {
    const check = (node) => {
      if (typeof node.source?.value !== 'string') return;
      const message = fault(relative(context.cwd, context.filename), node.source.value);
      if (message !== undefined) context.report({ node: node.source, message });
    };
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check, ImportExpression: check };
  },
};

export default { meta: { name: 'plumbline' }, rules: { 'one-way-imports': rule } };
