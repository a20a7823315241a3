/** Pattern lists as OpenSSH matches them: `*.example.com,!mallory@*`. See PATTERNS in ssh_config(5). */

/** Whether `text` matches one of the patterns and none of those with `!` before them. */
export function matchesPatternList(text: string, list: string): boolean {
  const patterns = list.split(',');
  const isRefused = patterns.some((pattern) => pattern.startsWith('!') && matchesPattern(text, pattern.slice(1)));
  return !isRefused && patterns.some((pattern) => !pattern.startsWith('!') && matchesPattern(text, pattern));
}

/** `*` is any text, `?` any character. Takes at most text × pattern steps. */
function matchesPattern(text: string, pattern: string): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let retry = 0;
  while (at < text.length) {
    const wanted = pattern[from];
    if (wanted === '*') {
      star = from;
      retry = at;
      from += 1;
    } else if (wanted === '?' || wanted === text[at]) {
      at += 1;
      from += 1;
    } else if (star >= 0) {
      retry += 1;
      at = retry;
      from = star + 1;
    } else return false;
  }
  while (pattern[from] === '*') from += 1;
  return from === pattern.length;
}
