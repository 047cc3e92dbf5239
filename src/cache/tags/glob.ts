/**
 * Whether all of `text` is as the pattern says: `*` stands for any characters, `?` for one, all others for themselves.
 * No regular expression: what does not fit is tried again from the last `*` on and never from an earlier one, so it
 * takes at most as many steps as text and pattern have characters, multiplied.
 */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let resume = 0;
  while (from < text.length) {
    const mark = pattern[at];
    if (mark === "*") {
      star = at++;
      resume = from;
    } else if (mark === "?" || mark === text[from]) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      from = ++resume;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

/** The part of a URL from its path on. */
export function pathOf(url: string): string {
  const slash = url.indexOf("/", url.indexOf("://") + 3);
  return slash < 0 ? "/" : url.slice(slash);
}

/**
 * What prefixes and patterns are held against: the whole URL, or, for those that begin with a slash, its path and query
 * on whatever host.
 */
export const seenBy = (pattern: string, url: string): string => (pattern.startsWith("/") ? pathOf(url) : url);
