/** The records of the audit trail that there are, of sources that are gone as well, and how they come and go. */
import { endedAnnotation, sourceLabel, sourceUidLabel } from '../api/names.ts';
import type { Attempt, GitOpsSource } from '../api/types.ts';
import { isKubeError } from '../kube/client.ts';
import type { KubeClient } from '../kube/client.ts';
import type { CallOptions } from '../kube/operations.ts';
import type { KubeObject } from '../kube/types.ts';
import { withUnrecorded } from '../report/trail/attempts.ts';
import { recordName, recordOf, recordedSource } from '../report/trail/record.ts';
import { beyondLimit } from '../report/trail/retention.ts';
import type { KeptRecord } from '../report/trail/retention.ts';
import { noteEnded } from './record-notes.ts';
import { createRecord, deleteRecord, keptRecord, listRecords } from './record-writes.ts';

export interface RecordBookOptions {
  readonly client: KubeClient;
  /** --namespaces; empty serves the whole cluster. */
  readonly namespaces: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Another record has the name that one is to have. */
export class RecordTakenError extends Error {
  constructor(record: string) {
    super(`ControllerRevision ${record} is taken`);
    this.name = 'RecordTakenError';
  }
}

/** Its methods that write throw KubeError. */
export class RecordBook {
  readonly #options: RecordBookOptions;
  readonly #records = new Map<string, KeptRecord[]>();
  #isLoaded = false;

  constructor(options: RecordBookOptions) {
    this.#options = options;
  }

  /** Reads every record. */
  async load(call: CallOptions): Promise<void> {
    const { client, namespaces, now } = this.#options;
    const scopes: readonly (string | undefined)[] = namespaces.length === 0 ? [undefined] : namespaces;
    for (const namespace of scopes) {
      for (const record of await listRecords(client, { namespace, labelSelector: sourceLabel }, now, call)) this.#put(record);
    }
    this.#isLoaded = true;
  }

  /** Reads those of one source, where not all are read yet. */
  async loadOf({ metadata: { namespace, uid = '' } }: GitOpsSource, call: CallOptions): Promise<void> {
    if (this.#isLoaded) return;
    const { client, now } = this.#options;
    for (const record of await listRecords(client, { namespace, labelSelector: `${sourceUidLabel}=${uid}` }, now, call)) this.#put(record);
  }

  all(): readonly KeptRecord[] {
    return [...this.#records.values()].flat();
  }

  /** Of the source with this uid. */
  of(uid: string | undefined): readonly KeptRecord[] {
    return this.#records.get(uid ?? '') ?? [];
  }

  has(uid: string | undefined, attempted: string): boolean {
    return this.find(uid, attempted) !== undefined;
  }

  find(uid: string | undefined, attempted: string): KeptRecord | undefined {
    return this.of(uid).find((record) => record.attempted === attempted);
  }

  newest(uid: string | undefined): KeptRecord | undefined {
    return this.of(uid).toSorted((a, b) => (a.attempted < b.attempted ? 1 : -1))[0];
  }

  /** Makes the record of an attempt; tells whether there was none. Throws RecordTakenError, too. */
  async make(source: GitOpsSource, attempt: Attempt, call: CallOptions): Promise<boolean> {
    const { client, now } = this.#options;
    const about = recordedSource(source);
    const { uid } = about;
    if (this.has(uid, attempt.attempted)) return false;
    const told = withUnrecorded(attempt, (attempted) => this.has(uid, attempted));
    const plain = recordName(about, told);
    let made: KubeObject | undefined;
    // The number may be taken by a source of this name that is gone, or by one whose status was lost.
    for (const recordedAs of [plain, `${plain}-${attempt.attempted.replaceAll(/\D/g, '')}`]) {
      made = await createRecord(client, recordOf(about, told, recordedAs), call);
      if (made !== undefined) break;
    }
    if (made === undefined) throw new RecordTakenError(`${about.namespace}/${plain}`);
    this.#put(keptRecord(made, now()));
    return true;
  }

  /** Deletes what of a source is beyond its limit. */
  async trim({ metadata: { uid }, spec }: GitOpsSource, call: CallOptions): Promise<void> {
    for (const old of beyondLimit(this.of(uid), spec.historyLimit)) await this.delete(old, call);
  }

  async delete(record: KeptRecord, call: CallOptions): Promise<void> {
    await deleteRecord(this.#options.client, record, call);
    this.#replace(record, undefined);
  }

  /** Notes on the last record of a source that the source is gone now. */
  async noteEnded(last: KeptRecord | undefined, call: CallOptions): Promise<void> {
    if (last === undefined) return;
    const endedAt = this.#options.now();
    try {
      await noteEnded(this.#options.client, last, endedAnnotation, new Date(endedAt).toISOString(), call);
      this.#replace(last, { ...last, endedAt });
    } catch (error) {
      if (!isKubeError(error, 404)) throw error;
      this.#replace(last, undefined);
    }
  }

  #put(record: KeptRecord): void {
    const records = this.#records.get(record.sourceUid) ?? [];
    if (records.some(({ uid }) => uid === record.uid)) return;
    this.#records.set(record.sourceUid, [...records, record]);
  }

  #replace({ sourceUid, uid }: KeptRecord, by: KeptRecord | undefined): void {
    const left = this.of(sourceUid).flatMap((one) => (one.uid !== uid ? [one] : by === undefined ? [] : [by]));
    if (left.length === 0) this.#records.delete(sourceUid);
    else this.#records.set(sourceUid, left);
  }
}
