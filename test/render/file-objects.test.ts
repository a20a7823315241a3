import { describe, expect, test } from '@jest/globals';
import { fileObjects, objectInFile } from '../../operator/render/index.ts';
import type { FileObjects } from '../../operator/render/index.ts';

const read = (text: string, path = 'all.yaml'): FileObjects => fileObjects({ path, content: Buffer.from(text) });
const of = (name: string, namespace = '', kind = 'ConfigMap', group = ''): string => objectInFile({ group, kind, namespace, name });

describe('the objects of a file', () => {
  const two =
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {v: "1"}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n';
  test('are the same wherever they stand, however they are written', () => {
    const now = read(two);
    expect(now.size).toBe(2);
    const json = `{"kind":"List","apiVersion":"v1","items":[{"metadata":{"name":"b"},"kind":"ConfigMap","apiVersion":"v1"},
      {"data":{"v":"1"},"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"}}]}`;
    for (const other of [read(`# moved\n\n${two}`), read(json, 'all.json'), read(two.replace('{v: "1"}', "{v: '1'} # one"))]) {
      expect([other.get(of('a')), other.get(of('b'))]).toEqual([now.get(of('a')), now.get(of('b'))]);
    }
    expect(now.get(of('a'))).toMatch(/^v1:/);
  });
  test('are told apart by every value', () => {
    const [now, then] = [read(two), read(two.replace('"1"', '"2"'))];
    expect(now.get(of('a'))).not.toBe(then.get(of('a')));
    expect(now.get(of('b'))).toBe(then.get(of('b')));
    expect(now.get(of('c'))).toBeUndefined();
    expect(now.get(of('a', '', 'Secret'))).toBeUndefined();
  });
  test('are found by the namespace that they have in the cluster', () => {
    const file = read(
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: x}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n' +
        '---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r, namespace: left}\n',
    );
    const [inX, here] = [file.get(of('a', 'x')), file.get(of('a', 'target'))];
    expect(inX).toMatch(/^v1:/);
    expect(here).toMatch(/^v1:/);
    expect(here).not.toBe(inX);
    expect(file.get(of('r', '', 'ClusterRole', 'rbac.authorization.k8s.io'))).toMatch(/^v1:/);
  });
  test('are those that can be read', () => {
    const broken = read(`${two}---\na: [\n---\nkind: ConfigMap\n---\njust text\n`);
    expect(broken.size).toBe(2);
    expect(read('\ufffe\u0000').size).toBe(0);
  });
  test('count both where one is stated twice', () => {
    const twice = read(`${two}---\n${two}`);
    expect(twice.get(of('a'))).not.toBe(read(two).get(of('a')));
  });
});
