/**
 * Where the last element of a Forwarded field (RFC 7239) that ends at `end` begins. Read from the right, because only
 * there it was written by a proxy of ours: a client's unbalanced quote further left cannot swallow what follows it.
 */
export function previousElement(field: string, end: number): number {
  let quoted = false;
  for (let at = end - 1; at >= 0; at--) {
    const code = field.charCodeAt(at);
    if (code === QUOTE) {
      const slashes = backslashesBefore(field, at);
      if (slashes % 2 === 0) quoted = !quoted;
      at -= slashes;
    } else if (code === COMMA && !quoted) return at + 1;
  }
  return 0;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

function backslashesBefore(field: string, at: number): number {
  let count = 0;
  while (field.charCodeAt(at - 1 - count) === BACKSLASH) count++;
  return count;
}

/** The value of `for` in one element, unquoted; undefined when it is missing, doubled or the element is malformed. */
export function readFor(element: string): string | undefined {
  const pair =
    /[ \t]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|"((?:[^"\\]|\\.)*)")[ \t]*)?(;|$)/y;
  let node: string | undefined;
  for (;;) {
    const found = pair.exec(element);
    if (!found) return undefined;
    if (found[1]?.toLowerCase() === "for") {
      if (node !== undefined) return undefined;
      node = found[2] ?? found[3]!.replace(/\\(.)/g, "$1");
    }
    if (found[4] === "") return node;
  }
}
