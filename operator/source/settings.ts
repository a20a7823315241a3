/** What of git is set by flags of the operator: how much is kept, and how large a repository may be. */
import { parseDuration } from '../api/duration.ts';
import type { Limits } from './limits.ts';

export interface GitSettings {
  /** All objects that are kept in memory. */
  readonly cacheBytes: number;
  /** Without a byte from the server. Milliseconds. */
  readonly idleMs: number;
  readonly limits: Pick<Limits, 'fileBytes' | 'files' | 'totalBytes' | 'packBytes' | 'deltaChain'>;
}

/** In the shape of config.ts; the values are read by readGitSettings. */
export const gitFlags = [
  {
    name: 'git-cache-bytes',
    env: 'PLUMBLINE_GIT_CACHE_BYTES',
    value: 'BYTES',
    default: '256Mi',
    meaning: 'How much of all repositories is kept in memory, so that a new commit brings only what is new.',
  },
  {
    name: 'git-timeout',
    env: 'PLUMBLINE_GIT_TIMEOUT',
    value: 'DURATION',
    default: '30s',
    meaning: 'How long a git server may say nothing, or get nowhere with a pack.',
  },
  {
    name: 'git-file-bytes',
    env: 'PLUMBLINE_GIT_FILE_BYTES',
    value: 'BYTES',
    default: '10Mi',
    meaning: 'How large a file may be.',
  },
  { name: 'git-files', env: 'PLUMBLINE_GIT_FILES', value: 'NUMBER', default: '20000', meaning: 'How many manifest files a path may hold.' },
  {
    name: 'git-total-bytes',
    env: 'PLUMBLINE_GIT_TOTAL_BYTES',
    value: 'BYTES',
    default: '100Mi',
    meaning: 'How large the manifest files of a path may be together.',
  },
  {
    name: 'git-pack-bytes',
    env: 'PLUMBLINE_GIT_PACK_BYTES',
    value: 'BYTES',
    default: '1Gi',
    meaning: 'How much a git server may send for one commit.',
  },
  {
    name: 'git-delta-chain',
    env: 'PLUMBLINE_GIT_DELTA_CHAIN',
    value: 'NUMBER',
    default: '4096',
    meaning: 'How many deltas of a pack may stand on one another.',
  },
] as const;

type Read = <T>(name: (typeof gitFlags)[number]['name'], parse: (text: string) => T | undefined, mustBe: string) => T;

export function readGitSettings(read: Read): GitSettings {
  const bytes = 'a number of bytes, as 1048576, 512Ki, 10Mi or 1Gi';
  const count = 'a whole number from 1 on';
  return {
    cacheBytes: read('git-cache-bytes', parseBytes, bytes),
    idleMs: read('git-timeout', parseTimeout, 'a duration from 1s to 10m'),
    limits: {
      fileBytes: read('git-file-bytes', parseBytes, bytes),
      files: read('git-files', parseCount, count),
      totalBytes: read('git-total-bytes', parseBytes, bytes),
      packBytes: read('git-pack-bytes', parseBytes, bytes),
      deltaChain: read('git-delta-chain', parseCount, count),
    },
  };
}

/** As quantities of Kubernetes, with binary units. */
function parseBytes(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,15})(Ki|Mi|Gi)?$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = Number(digits) * { '': 1, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 }[unit as '' | 'Ki' | 'Mi' | 'Gi'];
  return value >= 1 && value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

function parseCount(text: string): number | undefined {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return value >= 1 ? value : undefined;
}

function parseTimeout(text: string): number | undefined {
  const value = parseDuration(text);
  return value !== undefined && value >= 1000 && value <= 600_000 ? value : undefined;
}
