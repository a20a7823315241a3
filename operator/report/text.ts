/** Pure: texts as the API server takes them: it counts characters in schemas and bytes in events. */

/** At most `length` UTF-16 units, never half a character; an ellipsis says that something is gone. */
export function cutText(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${whole(text.slice(0, length - 1))}…`;
}

/** At most `bytes` bytes of UTF-8, never half a character; an ellipsis says that something is gone. */
export function cutBytes(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const room = bytes - Buffer.byteLength('…');
  let end = 0;
  let used = 0;
  for (const character of text) {
    const size = Buffer.byteLength(character);
    if (used + size > room) break;
    used += size;
    end += character.length;
  }
  return `${text.slice(0, end)}…`;
}

/** A time (milliseconds since the epoch) as MicroTime, which wants six digits: `2026-11-24T03:07:00.123000Z`. */
export function microTime(at: number): string {
  return new Date(at).toISOString().replace('Z', '000Z');
}

/** `3 objects`, `1 object`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Without the first half of a surrogate pair at its end. */
function whole(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}
