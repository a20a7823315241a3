/** What the rest of the operator asks of the API server: raw JSON requests, nothing typed (see connect.ts for the real one). */

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/apis/apps/v1/namespaces/shop/deployments/web` */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON (json.ts: bigint exact); a string is sent as it is. */
  readonly body?: unknown;
  /** Default `application/json`; patches name theirs. */
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  /** The user to impersonate, `system:serviceaccount:shop:deployer`; undefined acts as the operator. */
  readonly as?: string | undefined;
  /** The source on whose behalf this is: one flow never holds more than half of the requests in flight. */
  readonly flow?: string | undefined;
  /** Yields to everything else: sent only while nothing waits and at most one of its kind is in flight. */
  readonly behind?: boolean | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds until an answer must be whole; default 30,000. */
  readonly timeoutMs?: number | undefined;
}

export interface KubeResponse<T> {
  readonly status: number;
  readonly body: T;
  /** Texts of the `Warning: 299` headers (deprecations). */
  readonly warnings: readonly string[];
}

/** One line of a watch. */
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

export interface KubeClient {
  /**
   * Sends one request and resolves with a 2xx answer. Retries by class of error (429 with Retry-After, refused or cut
   * connections, 5xx with a reason of the server's own) a bounded number of times. Throws KubeError otherwise, and the
   * signal's reason when aborted.
   */
  request<T = unknown>(request: KubeRequest): Promise<KubeResponse<T>>;
  /**
   * Opens a watch and yields its events until the server ends it; does not count against the requests in flight.
   * Throws KubeError when it cannot be opened, is cut, or is silent for `idleMs` (default 90,000). `onOpen` is called
   * once the server has agreed to it, which may be long before the first event.
   */
  watch<T = unknown>(
    request: KubeRequest & { readonly idleMs?: number | undefined; readonly onOpen?: (() => void) | undefined },
  ): AsyncGenerator<WatchEvent<T>, void, void>;
  close(): Promise<void>;
}

/** A field that the API server found fault with. */
export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** `metav1.Status` of a failure. */
export interface Status {
  readonly kind?: 'Status';
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly causes?: readonly StatusCause[];
    readonly retryAfterSeconds?: number;
  };
}

/** An answer that is no success, or none at all (`code` 0). The message is the server's own and may quote values. */
export class KubeError extends Error {
  readonly code: number;
  readonly status: Status;
  readonly retryAfterMs: number | undefined;

  constructor(code: number, status: Status, options: { cause?: unknown; retryAfterMs?: number | undefined } = {}) {
    super(status.message ?? `HTTP ${code}`, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'KubeError';
    this.code = code;
    this.status = status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Whether `error` is the API server's answer with this HTTP code. */
export function isKubeError(error: unknown, code: number): error is KubeError {
  return error instanceof KubeError && error.code === code;
}
