import { createHash } from "node:crypto";
import type { Exchange } from "../core/exchange.ts";

/** Characters up to which a key is kept as it is; longer ones become their SHA-256. */
const LONGEST = 250;

type Keyed = Pick<Exchange, "scheme" | "authority" | "path" | "query">;

/** Of the entries and of this very layout: keys of another never meet these. */
const SCHEMA = "v1";

const NONE: readonly string[] = [];

/**
 * Under which an answer is kept: schema, `cache.version`, scheme, authority, canonical path, query and GET, and what the
 * route keeps answers under beside them; each part with its length before it, so that no two requests share a key by where
 * one part ends and the next begins. Says nothing of variants.
 */
export const cacheKey = (
  { scheme, authority, path, query }: Keyed,
  version = "1",
  more: readonly string[] = NONE,
): string => joinParts([SCHEMA, version, scheme, authority, path, query, "GET", ...more]);

/** What purges by URL, prefix and pattern look at. */
export const urlOf = ({ scheme, authority, path, query }: Keyed): string => `${scheme}://${authority}${path}${query}`;

/** Parts as one text that no other parts give. */
export function joinParts(parts: readonly string[]): string {
  let text = "";
  for (const part of parts) text += `${part.length}:${part}|`;
  return text.length <= LONGEST ? text : `sha256:${createHash("sha256").update(text).digest("base64url")}`;
}
