/**
 * git-upload-pack at the other end of a stream. Version 2 (gitprotocol-v2(5)) takes one question after the other on a stream;
 * version 0 (gitprotocol-pack(5)) takes one, so each further one has a stream of its own, whose introduction is read past.
 */
import { PlumblineError } from '../errors.ts';
import { quote } from './http-errors.ts';
import { noMask } from './mask.ts';
import type { Mask } from './mask.ts';
import { flush } from './pktline.ts';
import type { ProtocolVersion, Service } from './service.ts';

/** One running git-upload-pack. */
export interface GitStream {
  /** Not ended, as far as is known. */
  readonly alive: boolean;
  /** What it prints next; undefined: no more. Rejects with PlumblineError when it is silent for too long, or with the signal's reason. */
  next(signal: AbortSignal): Promise<Buffer | undefined>;
  /** Resolves once it has left. */
  write(bytes: Buffer, signal: AbortSignal): Promise<void>;
  /** It gets no more input but this. */
  end(last?: Buffer): void;
  /** How it ended; asked once there is no more output. */
  ending(signal: AbortSignal): Promise<Ending>;
  /** It is needed no more. `clean`: nothing is under way, so what carries it can be used again. */
  close(clean: boolean): void;
}

export interface Ending {
  /** Exit status; undefined when the stream just broke off. */
  readonly status: number | undefined;
  /** The beginning of what it printed for people. */
  readonly words: string;
}

/** What a stream may say before it is asked, when that was read before. Bytes. */
const introductionBytes = 64 * 1024 * 1024;
const done = Buffer.from('0009done\n');

/** `open` starts git-upload-pack; a stream that waits for a question is kept for `keepMs` at most. */
export function streamService(
  where: string,
  open: (signal: AbortSignal) => Promise<GitStream>,
  keepMs: number,
  mask: Mask = noMask,
): Service {
  let spare: { readonly conversation: Conversation; readonly timer: NodeJS.Timeout } | undefined;
  let closed = false;

  const take = (): Conversation | undefined => {
    const taken = spare?.conversation;
    clearTimeout(spare?.timer);
    spare = undefined;
    return taken;
  };
  const keep = (conversation: Conversation): void => {
    take()?.leave();
    if (closed) conversation.leave();
    else spare = { conversation, timer: setTimeout(() => take()?.leave(), keepMs).unref() };
  };
  async function* settling(conversation: Conversation, body: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
    try {
      yield* body;
    } finally {
      if (conversation.ready) keep(conversation);
      else conversation.stream.close(false);
    }
  }
  async function begun(signal: AbortSignal): Promise<Conversation> {
    const conversation = new Conversation(where, mask, await open(signal));
    try {
      await skip(conversation.introduction(signal));
      return conversation;
    } catch (error) {
      conversation.stream.close(false);
      throw error;
    }
  }

  return {
    where,
    mask,
    async introduce(signal) {
      // What carries it can carry the next one.
      take()?.leave();
      const conversation = new Conversation(where, mask, await open(signal));
      return settling(conversation, conversation.introduction(signal));
    },
    async ask(request, version, signal) {
      const waiting = take();
      const usable = waiting?.stream.alive === true && waiting.version === version;
      if (!usable) waiting?.leave();
      const conversation = usable ? waiting : await begun(signal);
      try {
        if (conversation.version !== version) {
          throw new PlumblineError({ reason: 'GitError', message: `${where} speaks another version of the protocol than before` });
        }
        await conversation.ask(request, signal);
      } catch (error) {
        conversation.stream.close(false);
        throw error;
      }
      return settling(conversation, conversation.answer(signal));
    },
    async close() {
      closed = true;
      take()?.leave();
    },
  };
}

class Conversation {
  readonly stream: GitStream;
  /** It waits for a question. */
  ready = false;
  version: ProtocolVersion = 0;
  readonly #where: string;
  readonly #mask: Mask;
  #rest: Buffer = Buffer.alloc(0);

  constructor(where: string, mask: Mask, stream: GitStream) {
    this.#where = where;
    this.#mask = mask;
    this.stream = stream;
  }

  /** A server that is told that nothing more is wanted does not take it for a broken connection. */
  leave(): void {
    this.ready = false;
    this.stream.end(flush);
    this.stream.close(true);
  }

  async *introduction(signal: AbortSignal): AsyncGenerator<Buffer> {
    let first: Buffer | undefined = Buffer.alloc(0);
    for await (const chunk of this.#throughFlush(signal)) {
      if (first !== undefined) {
        first = Buffer.concat([first, chunk]);
        if (first.length >= 13) {
          this.version = first.toString('latin1', 4, 13) === 'version 2' ? 2 : 0;
          first = undefined;
        }
      }
      yield chunk;
    }
  }

  async ask(question: Buffer, signal: AbortSignal): Promise<void> {
    this.ready = false;
    await this.stream.write(question, signal);
    // A question that leaves something open would be waited over for more.
    if (this.version === 0 && !question.subarray(-done.length).equals(done)) this.stream.end();
  }

  /** In version 2 the next question may follow. */
  async *answer(signal: AbortSignal): AsyncGenerator<Buffer> {
    if (this.version === 2) {
      yield* this.#throughFlush(signal);
      return;
    }
    for (let chunk = await this.#next(signal); chunk !== undefined; chunk = await this.#next(signal)) yield chunk;
    await this.#ended(true, signal);
  }

  /** Bytes up to the end of the first flush packet, however they come. What are no packets is passed on for whoever reads them. */
  async *#throughFlush(signal: AbortSignal): AsyncGenerator<Buffer> {
    let header = '';
    let left = 0;
    let broken = false;
    let seen = false;
    for (let chunk = await this.#next(signal); chunk !== undefined; chunk = await this.#next(signal)) {
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
    await this.#ended(seen, signal);
    throw new PlumblineError({
      reason: 'GitError',
      message: seen ? `${this.#where} ends in the middle of what it says` : `${this.#where} says nothing`,
      remedy: 'Check spec.url: it must be the URL that `git clone` takes.',
    });
  }

  async #next(signal: AbortSignal): Promise<Buffer | undefined> {
    if (this.#rest.length > 0) {
      const rest = this.#rest;
      this.#rest = Buffer.alloc(0);
      return rest;
    }
    return this.stream.next(signal);
  }

  /** Throws unless git-upload-pack ended well. `began`: it had said something. */
  async #ended(began: boolean, signal: AbortSignal): Promise<void> {
    const { status, words } = await this.stream.ending(signal);
    if (status === 0) return;
    const plain = quote(this.#mask(words));
    const said = plain === '' ? '' : `: ${plain}`;
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
