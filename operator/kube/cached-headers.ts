/** Headers that prove who we are, asked for anew now and then: tokens rotate. */

/** How long they are used before they are asked for anew, milliseconds; bound tokens are rotated long before they end. */
const lifetime = 60_000;

type Headers = Readonly<Record<string, string>>;

/** `read` at most once a minute of `monotonic` (milliseconds), or after `expire`; what failed is asked for again. */
export function cachedHeaders(read: () => Promise<Headers>, monotonic: () => number): { headers(): Promise<Headers>; expire(): void } {
  let known: { readonly headers: Promise<Headers>; readonly until: number } | undefined;
  const forget = (which: Promise<Headers>): void => {
    if (known?.headers === which) known = undefined;
  };
  return {
    headers() {
      const now = monotonic();
      if (known !== undefined && now < known.until) return known.headers;
      const headers = read();
      known = { headers, until: now + lifetime };
      headers.catch(() => forget(headers)); // whoever asked is told; the next one asks again
      return headers;
    },
    expire() {
      known = undefined;
    },
  };
}
