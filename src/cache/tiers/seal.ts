/**
 * Frames that nobody else can make: what a shared Redis or PostgreSQL holds is not believed, it is checked. A seal is
 * over the frame and the key that it is kept under, so a value that was copied to another key is none.
 */
import { createHash, createHmac, hkdfSync, timingSafeEqual, type Hash, type Hmac } from "node:crypto";
import type { Entry } from "../entry.ts";
import { decodeFrame, encodeFrame, notAFrame, type NotAFrame } from "./frame.ts";

/** `seal`: altered, copied from another key, or sealed with a secret that is not ours. */
export type Rejection = NotAFrame | "seal";

/** Between entries and the octets that a tier keeps under a key. */
export interface FrameCodec {
  /** In one allocation of exactly its length. */
  encode(key: string, entry: Entry): Buffer;
  /** Undefined for whatever is not, octet for octet, what `encode` made for this key. Never throws. */
  decode(key: string, bytes: Buffer): Entry | undefined;
}

export interface SealParts {
  /**
   * The first one seals, every one is accepted: a new one goes in front, and the old one out once nothing is kept of
   * it. Empty: a checksum that finds damage, and no forgery.
   */
  readonly secrets: readonly string[];
  /** Octets that were kept under `key` were not used. */
  readonly rejected: (key: string, reason: Rejection) => void;
}

/** Octets of a seal: half of a SHA-256, which is 128 bits. */
export const SEAL_LENGTH = 16;

/** Parts HMAC keys of this use from those of any other that the same secret may be put to. */
const PURPOSE = "spillway cache frame";

export function createFrameCodec({ secrets, rejected }: SealParts): FrameCodec {
  const keys = secrets.map((secret) => Buffer.from(hkdfSync("sha256", secret, "", PURPOSE, 32)));
  const makers: readonly (() => Hash | Hmac)[] =
    keys.length === 0 ? [() => createHash("sha256")] : keys.map((key) => () => createHmac("sha256", key));
  const fits = (key: string, bytes: Buffer): boolean => {
    const at = bytes.length - SEAL_LENGTH;
    const seal = bytes.subarray(at);
    const frame = bytes.subarray(0, at);
    return makers.some((make) => timingSafeEqual(sealOf(make(), key, frame), seal));
  };
  const read = (key: string, bytes: Buffer): Entry | Rejection => {
    const other = notAFrame(bytes);
    if (other) return other;
    if (!fits(key, bytes)) return "seal";
    return decodeFrame(bytes.subarray(0, bytes.length - SEAL_LENGTH));
  };
  return {
    encode(key, entry) {
      const bytes = encodeFrame(entry, SEAL_LENGTH);
      const at = bytes.length - SEAL_LENGTH;
      sealOf(makers[0]!(), key, bytes.subarray(0, at)).copy(bytes, at);
      return bytes;
    },
    decode(key, bytes) {
      const entry = read(key, bytes);
      if (typeof entry !== "string") return entry;
      rejected(key, entry);
      return undefined;
    },
  };
}

/** The key's length goes first, so that no octet of a key can be taken for one of a frame. */
function sealOf(hash: Hash | Hmac, key: string, frame: Buffer): Buffer {
  const octets = Buffer.from(key);
  hash.update(`${octets.length}:`).update(octets).update(frame);
  return hash.digest().subarray(0, SEAL_LENGTH);
}
