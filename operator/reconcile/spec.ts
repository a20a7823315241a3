/** Pure: what of a spec the API server could not check, or this version does not do yet. */
import type { GitOpsSource } from '../api/types.ts';
import { PlumblineError } from '../errors.ts';
import type { Fault } from '../errors.ts';
import { parseSemverRange } from '../source/refs.ts';
import { parseGitUrl } from '../source/url.ts';
import { parseSchedule } from './schedule.ts';

/** Throws PlumblineError with everything that is wrong: InvalidSpec, NotSupported. */
export function checkSpec(source: GitOpsSource): void {
  const { spec } = source;
  const faults: Fault[] = [];
  collect(faults, () => parseGitUrl(spec.url));
  if (spec.ref?.semver !== undefined) collect(faults, () => parseSemverRange(spec.ref?.semver ?? ''));
  if (spec.schedule !== undefined) collect(faults, () => parseSchedule(spec.schedule ?? ''));
  if (spec.verify !== undefined) {
    faults.push({
      reason: 'NotSupported',
      message: 'spec.verify: signatures are not checked by this version, so nothing of this source is applied',
      remedy: 'Take spec.verify out.',
    });
  }
  if (faults.length > 0) throw new PlumblineError(faults);
}

function collect(faults: Fault[], check: () => unknown): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof PlumblineError)) throw error;
    faults.push(...error.faults);
  }
}
