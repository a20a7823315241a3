/** Trails for the tests of this folder. */
import type { Attempt, GitOpsSource } from '../../operator/api/types.ts';
import { readRecord, trailsOf } from '../../operator/cli/told.ts';
import type { ReadRecord, SourceTrail } from '../../operator/cli/told.ts';
import type { KubeObject } from '../../operator/kube/types.ts';
import { recordOf } from '../../operator/report/trail/record.ts';
import { at, sha } from '../report/outcomes.ts';

/** An attempt in minute `minute`, applied and healthy in the two after it unless said otherwise. */
export function attempt(number: number, short: string, minute: number, more: Partial<Attempt> = {}): Attempt {
  return {
    number,
    commit: sha(short),
    ref: 'main',
    subject: `Change ${short}`,
    author: 'Ada Lovelace <ada@example.com>',
    committed: at(0),
    generation: 1,
    cause: 'Commit',
    observed: at(minute),
    attempted: at(minute),
    applied: at(minute + 1),
    healthy: at(minute + 2),
    changes: { changed: 1 },
    changed: ['Deployment shop/web'],
    ...more,
  };
}

/** As the API server gives it back. */
export function recordObject(one: Attempt, annotations: Readonly<Record<string, string>> = {}, name = 'shop', uid = 'u1'): KubeObject {
  const made = recordOf({ namespace: 'shop', name, uid, url: 'https://git.example.com/shop.git', path: '' }, one);
  return { ...made, metadata: { ...made.metadata, annotations: { ...made.metadata.annotations, ...annotations } } };
}

export function record(...args: Parameters<typeof recordObject>): ReadRecord {
  const read = readRecord(recordObject(...args));
  if (read === undefined) throw new Error('a record that cannot be read');
  return read;
}

/** A source with these attempts in its status, newest first. */
export function source(attempts: readonly Attempt[], status: GitOpsSource['status'] = {}, name = 'shop', uid = 'u1'): GitOpsSource {
  const spec = { url: 'https://git.example.com/shop.git', historyLimit: 50 };
  return { metadata: { namespace: 'shop', name, uid }, spec, status: { ...status, attempts } } as unknown as GitOpsSource;
}

/** The one trail of this source, or of one that is gone. */
export function trail(living: GitOpsSource | undefined, ...records: readonly ReadRecord[]): SourceTrail {
  const [one] = trailsOf('shop', living === undefined ? [] : [living], records);
  if (one === undefined) throw new Error('no trail');
  return one;
}
