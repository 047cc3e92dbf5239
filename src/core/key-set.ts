import type { JSONWebKeySet, JWK } from "jose";

/** Octets of a JWK Set, and its keys. */
export const LARGEST_KEY_SET = 256 * 1024;
const MOST_KEYS = 100;

/** Key types that have a public half; a secret has no place in a set that others can read. */
const PUBLIC_TYPES: ReadonlySet<unknown> = new Set(["RSA", "EC", "OKP"]);

/** The public keys of a JWK Set (RFC 7517 section 5). Throws, in words for an operator, when it is none or has none. */
export function readKeySet(text: string): JSONWebKeySet {
  if (text.length > LARGEST_KEY_SET) throw new Error(`it is longer than ${LARGEST_KEY_SET / 1024} KiB`);
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    throw new Error("it is not JSON");
  }
  const keys: unknown = typeof set === "object" && set !== null ? (set as { keys?: unknown }).keys : undefined;
  if (!Array.isArray(keys)) throw new Error('it has no list of "keys"');
  if (keys.length > MOST_KEYS) throw new Error(`it has more than ${MOST_KEYS} keys`);
  const fit = keys.filter((key: unknown) => {
    const { kty, d } = (typeof key === "object" && key !== null ? key : {}) as { kty?: unknown; d?: unknown };
    return PUBLIC_TYPES.has(kty) && d === undefined;
  });
  if (fit.length === 0) throw new Error("it has no public key (RSA, EC or OKP)");
  return { keys: fit as JWK[] };
}
