/** Which walk a notification came from, so that one filter of the log shows what became of what a walk told. */
import type { GitOpsSource, Notification } from '../api/types.ts';
import { notificationId } from '../notify/cloud-event.ts';
import { waitingOf } from '../notify/waiting.ts';

/** The newest are known; what was told stays among them until others push it out. */
const maxKnown = 10_000;

export class Causes {
  readonly #walkOf: (key: string) => string | undefined;
  /** By notification; undefined: it came about between two walks. */
  readonly #known = new Map<string, string | undefined>();

  /** `walkOf`: the walk that is under way over a source (`namespace/name`). */
  constructor(walkOf: (key: string) => string | undefined) {
    this.#walkOf = walkOf;
  }

  /** A source as it is now: what waits there for the first time came from the walk that is under way. */
  note(source: GitOpsSource): void {
    const { namespace, name, uid = '' } = source.metadata;
    for (const entry of waitingOf(source)) {
      const id = notificationId(uid, entry);
      if (this.#known.has(id)) continue;
      this.#known.set(id, this.#walkOf(`${namespace}/${name}`));
      const [oldest] = this.#known.keys();
      if (this.#known.size > maxKnown && oldest !== undefined) this.#known.delete(oldest);
    }
  }

  /** The walk that this came from; what never waited came from the one under way. */
  of({ metadata: { namespace, name, uid = '' } }: GitOpsSource, entry: Notification): string | undefined {
    const id = notificationId(uid, entry);
    return this.#known.has(id) ? this.#known.get(id) : this.#walkOf(`${namespace}/${name}`);
  }
}
