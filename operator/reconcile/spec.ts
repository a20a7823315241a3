/** Pure: what of a spec the API server could not check. */
import type { GitOpsSource } from '../api/types.ts';
import { PlumblineError } from '../errors.ts';
import type { Fault } from '../errors.ts';
import { parseSemverRange } from '../source/refs.ts';
import { parseGitUrl } from '../source/url.ts';
import { canBeTag } from '../source/verify/index.ts';
import { parseSchedule } from './schedule.ts';

/** Throws PlumblineError with everything that is wrong, reason InvalidSpec. */
export function checkSpec(source: GitOpsSource): void {
  const { spec } = source;
  const faults: Fault[] = [];
  collect(faults, () => {
    if (parseGitUrl(spec.url).protocol !== 'ssh:' || spec.auth !== undefined) return;
    throw new PlumblineError({
      reason: 'InvalidSpec',
      message: 'spec.auth is missing, and nobody is let in over ssh without a key',
      remedy: 'Put the private key (identity) and the keys of the host (known_hosts) into a Secret and name it in spec.auth.secretRef.',
    });
  });
  if (spec.ref?.semver !== undefined) collect(faults, () => parseSemverRange(spec.ref?.semver ?? ''));
  if (spec.schedule !== undefined) collect(faults, () => parseSchedule(spec.schedule ?? ''));
  if (spec.verify !== undefined && spec.verify.mode !== 'HEAD' && !canBeTag(spec.ref ?? {})) {
    faults.push({
      reason: 'InvalidSpec',
      message: `spec.verify.mode is ${spec.verify.mode}, and spec.ref names no tag whose signature could be verified`,
      remedy: 'Follow a tag (spec.ref.tag, semver, or a name under refs/tags/), or verify the commit with mode HEAD.',
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
