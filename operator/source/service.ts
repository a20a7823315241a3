/**
 * One git-upload-pack, however it is reached. Every request is on its own: its answer is read from the beginning to the
 * end, and nothing is remembered by the server (over SSH: a channel for each, whose introduction is read and dropped).
 */
import { PlumblineError } from '../errors.ts';
import { beginningOf } from './http.ts';
import type { Answer, Transport } from './http.ts';
import { quote } from './http-errors.ts';
import { noMask } from './mask.ts';
import type { Mask } from './mask.ts';
import { notGit } from './pktline.ts';
import { repositoryPlace, showUrl } from './url.ts';

export type ProtocolVersion = 0 | 2;

export interface Service {
  /** As people may see it. */
  readonly where: string;
  /** Takes out of the server's words what was sent to it as credentials, should it echo them. */
  readonly mask: Mask;
  /** Where it said to be when it introduced itself last, as people may see it, if that is another repository than was asked for. */
  readonly movedTo?: (() => string | undefined) | undefined;
  /** What the server says first, in packets: the capabilities of version 2, or the refs of version 0. Throws PlumblineError. */
  introduce(signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  /** One request in the version of the introduction, whole, and its answer in packets. Throws PlumblineError. */
  ask(request: Buffer, version: ProtocolVersion, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  close(): Promise<void>;
}

/** Over smart HTTP: gitprotocol-http(5). */
export function httpService(transport: Transport, url: URL): Service {
  const base = new URL(url);
  base.pathname = base.pathname.replace(/\/+$/, '');
  const where = showUrl(url);
  let uploadPack: URL | undefined;
  let movedTo: string | undefined;
  /** Of the last answer and the one before: an answer may still be read when the token of the next is another. */
  let masks: readonly Mask[] = [];
  const answered = (answer: Answer): void => {
    const { mask } = answer;
    if (mask !== undefined && !masks.includes(mask)) masks = [...masks.slice(-1), mask];
  };

  return {
    where,
    mask: (text) => masks.reduce((masked, mask) => mask(masked), text),
    movedTo: () => movedTo,
    async introduce(signal) {
      const infoRefs = new URL(base);
      infoRefs.pathname += '/info/refs';
      infoRefs.search = '?service=git-upload-pack';
      const answer = await transport.get(infoRefs, { 'git-protocol': 'version=2' }, signal);
      answered(answer);
      if (!answer.contentType.startsWith('application/x-git-upload-pack-advertisement')) throw await notSmart(answer, where);
      if (!answer.url.pathname.endsWith('/info/refs')) {
        await beginningOf(answer); // read all the same, so that the connection can be kept
        throw notGit(`it redirects to ${(answer.mask ?? noMask)(showUrl(answer.url))}`);
      }
      // A repository that was moved is asked where it is now.
      uploadPack = new URL(answer.url);
      uploadPack.pathname = uploadPack.pathname.replace(/\/info\/refs$/, '/git-upload-pack');
      uploadPack.search = '';
      movedTo = otherPlace(answer, url);
      return answer.body;
    },
    async ask(request, version, signal) {
      if (uploadPack === undefined)
        throw new PlumblineError({ reason: 'InternalError', message: `${where} was asked before it introduced itself` });
      const headers = {
        'content-type': 'application/x-git-upload-pack-request',
        accept: 'application/x-git-upload-pack-result',
        ...(version === 2 ? { 'git-protocol': 'version=2' } : {}),
      };
      const answer = await transport.post(uploadPack, request, headers, signal);
      answered(answer);
      if (!answer.contentType.startsWith('application/x-git-upload-pack-result')) throw await notSmart(answer, where);
      return answer.body;
    },
    close: () => transport.close(),
  };
}

/** Another way of writing the same URL is no other place: another scheme, `.git` at the end. */
function otherPlace(answer: Answer, asked: URL): string | undefined {
  const now = new URL(answer.url);
  now.pathname = now.pathname.replace(/\/info\/refs$/, '');
  if (repositoryPlace(now.href) === repositoryPlace(asked.href)) return undefined;
  return (answer.mask ?? noMask)(showUrl(now)).slice(0, 300);
}

async function notSmart(answer: Answer, where: string): Promise<PlumblineError> {
  const beginning = await beginningOf(answer);
  const dumb = answer.contentType.startsWith('text/plain') && /^[0-9a-f]{40,64}\trefs\//.test(beginning);
  if (dumb) {
    return new PlumblineError({
      reason: 'GitError',
      message: `${where} is served as plain files (dumb HTTP), which cannot be asked for one commit`,
      remedy: 'Serve the repository by git http-backend, or by any git forge.',
    });
  }
  const [words, contentType] = [answer.quotable ? quote(beginning) : '', quote((answer.mask ?? noMask)(answer.contentType))];
  const isPage = /^text\/html\b/i.test(contentType);
  return new PlumblineError({
    reason: 'GitError',
    message: `${where} answers with ${contentType || 'no content type'} instead of git${isPage ? ', a page for people (a login?)' : ''}${words === '' ? '' : `: ${words}`}`,
    remedy: 'Check spec.url: it must be the URL that `git clone` takes.',
  });
}
