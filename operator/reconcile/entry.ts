/** What the controller knows of one source. */
import type { Observation } from '../source/types.ts';
import { CorrectionPace } from './correction-pace.ts';
import type { Followed } from './followed.ts';
import type { RemoteLink } from './remote-link.ts';
import type { Memory, Running } from './types.ts';
import type { Recheck } from './wake-delay.ts';

/** What is kept of one source between its walks. */
export interface Entry {
  readonly link: RemoteLink;
  readonly pace: CorrectionPace;
  memory: Memory | undefined;
  /** The memory of the revision that was applied last; a failure does not take it away. */
  lastApplied: Memory | undefined;
  /** The revision that runs, by which it is put back while another one fails. */
  running: Running | undefined;
  /** What of it was last told not to be put back. */
  toldStuck: string;
  /** Failed walks in a row over the same revision and spec. */
  failures: number;
  /** Walks in a row after which it was still not known of some member whether it is as stated. */
  unsettled: number;
  /** The answer of the remote that was walked or told last. */
  toldObservation: Observation | undefined;
  /** What the last walk was over; `fullRef` is empty for a bare commit. */
  followed: Followed | undefined;
  /** Where the repository was last told to be instead of spec.url. */
  toldMovedTo: string | undefined;
  /** The value of requestedAt for which the remote was asked. */
  polledFor: string | undefined;
  /** What changed during the walk. */
  recheck: Recheck;
  /** Ends the watches for what the last walk lacked. */
  lacks: AbortController | undefined;
}

/** A source of which nothing is known yet. */
export function newEntry(link: RemoteLink): Entry {
  return {
    link,
    pace: new CorrectionPace(),
    memory: undefined,
    lastApplied: undefined,
    running: undefined,
    toldStuck: '',
    failures: 0,
    unsettled: 0,
    toldObservation: undefined,
    followed: undefined,
    toldMovedTo: undefined,
    polledFor: undefined,
    recheck: nothingToRecheck(),
    lacks: undefined,
  };
}

export function nothingToRecheck(): Recheck {
  return { parent: false, members: new Map() };
}
