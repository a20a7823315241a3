/**
 * What is logged about a source carries its `namespace` and `source`, the `commit` that it is about, and while a walk is under
 * way the id of that walk, so that one filter shows everything of one walk.
 */
import type { GitOpsSource } from '../api/types.ts';
import type { Log, LogFields, Logger } from '../log.ts';

export interface SourceLogOptions {
  readonly log: Logger;
  readonly source: (key: string) => GitOpsSource | undefined;
  /** Of this process: ids of walks stay apart over restarts. */
  readonly prefix: string;
}

/** Keeps nothing of a source but its walk that is under way. */
export class SourceLog {
  readonly #options: SourceLogOptions;
  readonly #walks = new Map<string, { readonly id: string; commit: string | undefined }>();
  #count = 0;

  constructor(options: SourceLogOptions) {
    this.#options = options;
  }

  /** A walk over this source (`namespace/name`) begins; one is under way at most. */
  begin(key: string): void {
    this.#count += 1;
    this.#walks.set(key, { id: `${this.#options.prefix}-${this.#count}`, commit: undefined });
  }

  /** The walk is over this commit. */
  saw(key: string, commit: string): void {
    const walk = this.#walks.get(key);
    if (walk !== undefined) walk.commit = commit;
  }

  end(key: string): void {
    this.#walks.delete(key);
  }

  /** The id of the walk over this source that is under way. */
  readonly walk = (key: string): string | undefined => this.#walks.get(key)?.id;

  /** A logger whose lines say which source, commit and walk; between walks the commit is the applied one. */
  of(key: string): Logger {
    const { log } = this.#options;
    const about =
      (line: Log): Log =>
      (message, fields) =>
        line(message, { ...this.#fields(key), ...fields });
    return { debug: about(log.debug), info: about(log.info), warn: about(log.warn), error: about(log.error) };
  }

  #fields(key: string): LogFields {
    const [namespace, source] = key.split('/');
    const walk = this.#walks.get(key);
    const commit = walk?.commit ?? this.#options.source(key)?.status?.revision?.applied?.commit;
    return { namespace, source, commit, walk: walk?.id };
  }
}
