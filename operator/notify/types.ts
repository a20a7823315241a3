/** What goes out, and what comes back. */
import type { Notification } from '../api/types.ts';

/** A POST, ready to be sent. */
export interface Question {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  /** As the server says it. */
  readonly retryAfter: string | undefined;
  readonly contentType: string | undefined;
  /** The beginning of its body. */
  readonly text: string;
}

/** What the Secret of an endpoint holds. */
export interface EndpointSecret {
  readonly token: Buffer;
  /** PEM; undefined: the usual authorities. */
  readonly ca: string | undefined;
}

/** What became of one notification in the end. */
export interface Settled {
  readonly entry: Notification;
  readonly result: 'Delivered' | 'Dropped';
}
