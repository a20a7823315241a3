/** Random changes of plain values; the random numbers are handed in. */
import type { Json } from '../../controlplane/request.ts';

export type Random = () => number;

export function pick<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)] as T;
}

/** Where one change may be made: a field of a mapping, or an item of a list. */
interface Spot {
  readonly parent: Json;
  readonly key: string | number;
}

const notTouched = new Set([
  'apiVersion',
  'kind',
  'status',
  'managedFields',
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
]);

/** A copy of the object with one to three random changes in its fields, as a person with an editor makes them. */
export function mutated(object: Json, random: Random): Json {
  const copy = structuredClone(object);
  const times = 1 + Math.floor(random() * 3);
  for (let time = 0; time < times; time += 1) {
    const spots = spotsOf(copy, true);
    if (spots.length > 0) change(pick(spots, random), random);
  }
  return copy;
}

/** A part of the object, for a rival's apply: some of its fields, some of them changed. */
export function partOf(object: Json, random: Random): Json {
  const changed = random() < 0.7 ? mutated(object, random) : structuredClone(object);
  const { apiVersion, kind, metadata, ...body } = changed;
  const some = Object.fromEntries(Object.entries(body).map(([key, value]) => [key, thinned(value, random)]));
  const { name, namespace } = metadata;
  const labels = random() < 0.5 && metadata.labels !== undefined ? { labels: thinned(metadata.labels, random) } : {};
  return { apiVersion, kind, metadata: { name, namespace, ...labels }, ...some };
}

function thinned(value: Json, random: Random): Json {
  if (Array.isArray(value)) return value.filter(() => random() < 0.7).map((one) => (random() < 0.5 ? one : thinned(one, random)));
  if (typeof value !== 'object' || value === null) return value;
  const keys = new Set(['name', 'port', 'containerPort', 'protocol', 'id', 'key', 'type', 'mountPath', 'host', 'path']);
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (keys.has(key) || random() < 0.6 ? [[key, thinned(one as Json, random)]] : [])),
  );
}

function spotsOf(value: Json, isRoot: boolean): Spot[] {
  const spots: Spot[] = [];
  if (Array.isArray(value)) {
    value.forEach((one, key) => spots.push({ parent: value, key }, ...spotsOf(one, false)));
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, one] of Object.entries(value)) {
      if (isRoot && notTouched.has(key)) continue;
      if (isRoot && key === 'metadata') {
        const { labels, annotations, finalizers } = one as Json;
        for (const [field, inner] of Object.entries({ labels, annotations, finalizers })) {
          if (inner === undefined) continue;
          spots.push(...spotsOf(inner, false).filter((spot) => !/^(plumbline|applyset)/u.test(String(spot.key))));
          if (field === 'labels') spots.push(...spotsOf(inner, false).filter((spot) => !/^(plumbline|applyset)/u.test(String(spot.key))));
        }
        continue;
      }
      spots.push({ parent: value, key }, ...spotsOf(one as Json, false));
    }
  }
  return spots;
}

/** What may stand for a value: the same in other words, too. */
function other(value: Json, random: Random): Json {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + pick([1, -1, 10], random);
  if (typeof value !== 'string') return value;
  const twin: Record<string, string> = {
    '1Gi': '2Gi',
    '2Gi': '3Gi',
    '1Ki': '2Ki',
    TCP: 'UDP',
    UDP: 'TCP',
    Prefix: 'Exact',
    Always: 'IfNotPresent',
    MQ: 'Mg',
  };
  if (twin[value] !== undefined) return twin[value];
  if (/^[A-Za-z0-9+/]+==?$/u.test(value)) return Buffer.from(String(random())).toString('base64');
  if (/^\d+m?$/u.test(value)) return `${Number.parseInt(value, 10) + 1}${value.endsWith('m') ? 'm' : ''}`;
  return `${value}${pick(['x', 'y', '2'], random)}`;
}

function change({ parent, key }: Spot, random: Random): void {
  const value: Json = (parent as Record<string | number, Json>)[key];
  const dice = random();
  if (Array.isArray(parent)) {
    if (dice < 0.3) parent.splice(key as number, 1);
    else if (dice < 0.5) parent.push(renamed(structuredClone(value), random));
    else if (dice < 0.7) parent.reverse();
    else parent[key as number] = typeof value === 'object' ? renamed(value, random) : other(value, random);
    return;
  }
  if (dice < 0.3) delete parent[key];
  else if (dice < 0.4 && typeof value === 'object') parent[key] = Array.isArray(value) ? [] : {};
  else if (dice < 0.5) parent[`${key}`] = value;
  else if (dice < 0.6 && typeof value === 'string') parent[`x${Math.floor(random() * 9)}`] = value;
  else if (typeof value !== 'object') parent[key] = other(value, random);
}

/** An item under another name. */
function renamed(item: Json, random: Random): Json {
  if (typeof item !== 'object' || item === null) return other(item, random);
  const keys = Object.keys(item).filter((key) => typeof item[key] !== 'object');
  const key = keys.length === 0 ? undefined : pick(keys, random);
  return key === undefined ? item : { ...item, [key]: other(item[key], random) };
}
