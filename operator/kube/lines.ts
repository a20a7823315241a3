/** The lines of a watch: one JSON text each, whatever chunks they come in. */

/**
 * Yields each line without its end. An unfinished last line is dropped: the stream was cut within it, and what it
 * would have told comes again after the reconnect.
 */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const line = parts.length === 0 ? text.slice(start, end) : parts.join('') + text.slice(start, end);
      parts = [];
      start = end + 1;
      if (line !== '') yield line;
    }
    if (start < text.length) parts.push(text.slice(start));
  }
}
