/**
 * git-upload-pack at the other end of a stream, as smart HTTP would answer: an introduction, and then a question and its
 * answer. Version 2 (gitprotocol-v2(5)) asks on one stream as often as it likes; version 0 (gitprotocol-pack(5)) takes a
 * stream for each question, and its introduction is read past.
 */
import { PlumblineError } from '../errors.ts';
import type { Answer, Transport } from './http.ts';
import { quote } from './http-errors.ts';
import { flush } from './pktline.ts';

/** One running git-upload-pack. */
export interface GitStream {
  /** What it prints. Throws PlumblineError when it is silent for too long, or aborted. */
  readonly output: AsyncIterator<Buffer, unknown>;
  /** Resolves once there is room for more. */
  write(bytes: Buffer): Promise<void>;
  /** It gets no more input. */
  end(): void;
  /** How it ended; asked once the output is over. */
  ending(): Promise<Ending>;
  /** Gives it up. */
  close(): void;
}

export interface Ending {
  /** Exit status; undefined when the stream just broke off. */
  readonly status: number | undefined;
  /** The beginning of what it printed for people. */
  readonly words: string;
}

/** What a stream of version 0 may say before it is asked, when that was read before. Bytes. */
const introductionBytes = 64 * 1024 * 1024;
const done = Buffer.from('0009done\n');

/** `open` starts git-upload-pack; `where` names the repository to people; `url` is the base that answers carry. */
export function streamTransport(where: string, open: (signal: AbortSignal) => Promise<GitStream>): Transport {
  let current: Conversation | undefined;

  async function introduced(signal: AbortSignal): Promise<Conversation> {
    current?.stream.close();
    current = new Conversation(where, await open(signal));
    return current;
  }

  return {
    async get(url, _headers, signal): Promise<Answer> {
      const conversation = await introduced(signal);
      return { url, contentType: 'application/x-git-upload-pack-advertisement', body: conversation.introduction() };
    },
    async post(url, body, _headers, signal): Promise<Answer> {
      const kept = current?.ready === true ? current : undefined;
      const conversation = kept ?? (await introduced(signal));
      if (kept === undefined) await skip(conversation.introduction());
      await conversation.ask(body);
      return { url, contentType: 'application/x-git-upload-pack-result', body: conversation.answer() };
    },
    async close() {
      // A server that is told that nothing is wanted does not take it for a broken connection.
      if (current?.ready === true) await current.stream.write(flush);
      current?.stream.end();
      current?.stream.close();
      current = undefined;
    },
  };
}

class Conversation {
  readonly stream: GitStream;
  /** It waits for a question. */
  ready = false;
  readonly #where: string;
  #rest: Buffer = Buffer.alloc(0);
  #version: 0 | 2 = 0;

  constructor(where: string, stream: GitStream) {
    this.#where = where;
    this.stream = stream;
  }

  async *introduction(): AsyncGenerator<Buffer> {
    let first: Buffer | undefined = Buffer.alloc(0);
    for await (const chunk of this.#throughFlush()) {
      if (first !== undefined) {
        first = Buffer.concat([first, chunk]);
        if (first.length >= 13) {
          this.#version = first.toString('latin1', 4, 13) === 'version 2' ? 2 : 0;
          first = undefined;
        }
      }
      yield chunk;
    }
  }

  async ask(question: Buffer): Promise<void> {
    this.ready = false;
    await this.stream.write(question);
    // A question that leaves something open would be waited over for more.
    if (this.#version === 0 && !question.subarray(-done.length).equals(done)) this.stream.end();
  }

  /** In version 2 the next question may follow. */
  async *answer(): AsyncGenerator<Buffer> {
    if (this.#version === 2) {
      yield* this.#throughFlush();
      return;
    }
    for (let chunk = await this.#next(); chunk !== undefined; chunk = await this.#next()) yield chunk;
    await this.#ended(true);
  }

  /** Bytes up to the end of the first flush packet, however they come. What are no packets is passed on for whoever reads them. */
  async *#throughFlush(): AsyncGenerator<Buffer> {
    let header = '';
    let left = 0;
    let broken = false;
    let seen = false;
    for (let chunk = await this.#next(); chunk !== undefined; chunk = await this.#next()) {
      seen = true;
      let at = 0;
      while (at < chunk.length) {
        if (broken) break;
        if (left > 0) {
          const part = Math.min(left, chunk.length - at);
          at += part;
          left -= part;
          continue;
        }
        header += String.fromCharCode(chunk[at] ?? 0);
        at += 1;
        if (header.length < 4) continue;
        const length = /^[0-9a-fA-F]{4}$/.test(header) ? Number.parseInt(header, 16) : -1;
        header = '';
        if (length === 0) {
          this.#rest = chunk.subarray(at);
          this.ready = true;
          yield chunk.subarray(0, at);
          return;
        }
        broken = length < 0 || length === 3;
        left = Math.max(length - 4, 0);
      }
      yield chunk;
    }
    await this.#ended(seen);
    throw new PlumblineError({
      reason: 'GitError',
      message: seen ? `${this.#where} ends in the middle of what it says` : `${this.#where} says nothing`,
      remedy: 'Check spec.url: it must be the URL that `git clone` takes.',
    });
  }

  async #next(): Promise<Buffer | undefined> {
    if (this.#rest.length > 0) {
      const rest = this.#rest;
      this.#rest = Buffer.alloc(0);
      return rest;
    }
    const { value, done: over } = await this.stream.output.next();
    return over === true ? undefined : value;
  }

  /** Throws unless git-upload-pack ended well. `began`: it had said something. */
  async #ended(began: boolean): Promise<void> {
    const { status, words } = await this.stream.ending();
    if (status === 0) return;
    const said = quote(words) === '' ? '' : `: ${quote(words)}`;
    if (status === undefined) {
      throw new PlumblineError({ reason: 'GitUnreachable', message: `${this.#where} cannot be reached: connection cut off${said}` });
    }
    if (began) throw new PlumblineError({ reason: 'GitError', message: `${this.#where} gave up (exit status ${status})${said}` });
    // As shells say it: not executable, not found.
    if (status === 126 || status === 127) {
      throw new PlumblineError({
        reason: 'GitError',
        message: `the server of ${this.#where} has no git-upload-pack (exit status ${status})${said}`,
        remedy: 'Install git on the server, or correct spec.url.',
      });
    }
    throw new PlumblineError({
      reason: 'RepositoryNotFound',
      message: `there is no repository at ${this.#where}, or it is hidden from this key (git-upload-pack ended with status ${status})${said}`,
    });
  }
}

async function skip(body: AsyncIterable<Buffer>): Promise<void> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > introductionBytes)
      throw new PlumblineError({ reason: 'RepositoryTooLarge', message: `its list of refs is over ${introductionBytes} bytes` });
  }
}
