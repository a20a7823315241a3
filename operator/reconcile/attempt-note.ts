/** The note in the status that a revision is under way: at once over a running one, else once it takes longer than a second. */
import type { RevisionSeen } from '../report/types.ts';
import type { WalkInput } from './types.ts';

/** A revision that takes longer than this says that it is under way, milliseconds. */
const progressAfter = 1_000;

/** What waited out a storm is given this long to end, milliseconds: the last of a storm meet no others, and end soon. */
const afterStorm = 3_000;

export interface AttemptNote {
  readonly noteAttempt: WalkInput['noteAttempt'];
  /** Nothing is noted any more, once what is on its way has arrived: beside the outcome, it could arrive after it and cover it. */
  readonly end: () => Promise<void>;
}

/** `isStorm`: sources wait for each other's requests, so that a note of progress would only add to it, and yields. */
export function attemptNote(options: {
  readonly attempt: (seen: RevisionSeen) => Promise<void>;
  readonly progress: (seen: RevisionSeen) => Promise<void>;
  readonly isStorm: () => boolean;
}): AttemptNote {
  let timer: NodeJS.Timeout | undefined;
  let noted: Promise<void> = Promise.resolve();
  return {
    noteAttempt: (seen, overRunning) => {
      if (overRunning) return options.attempt(seen);
      let wasStorm = options.isStorm();
      const note = (): void => {
        const isStorm = options.isStorm();
        if (isStorm || wasStorm) timer = setTimeout(note, isStorm ? progressAfter : afterStorm);
        else noted = options.progress(seen).catch(() => {}); // the outcome follows
        wasStorm = isStorm;
      };
      timer = setTimeout(note, progressAfter);
      return Promise.resolve();
    },
    end: () => {
      clearTimeout(timer);
      return noted;
    },
  };
}
