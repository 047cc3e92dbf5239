import { z } from "zod";
import { urlOf } from "./key.ts";
import type { Exchange } from "../core/exchange.ts";

const name = z.string().regex(/^[A-Za-z0-9._-]{1,32}$/, "expected a version: 1 to 32 letters, digits, . _ -");

/** `cache.version`: one for all, or two of which the second takes over URL by URL. */
export const versionSettings = z
  .union(
    [
      name,
      z.strictObject({
        from: name.describe("Of the URLs that have not gone over"),
        to: name.describe("Of those that have"),
        percent: z
          .number()
          .min(0)
          .max(100)
          .describe("URLs that have gone over, always the same ones; more go, none return"),
      }),
    ],
    { error: 'expected a version such as "2", or a roll-over such as { from: "1", to: "2", percent: 10 }' },
  )
  .default("1")
  .describe(
    "Part of every key: another one is a cold start, and the former answers stand untouched beside it until they end, so that both can be served during a roll-out and after a roll-back. With a roll-over only so many URLs start cold at a time",
  );

export type VersionSettings = z.output<typeof versionSettings>;

/** The version of each request's key. */
export type VersionOf = (exchange: Pick<Exchange, "scheme" | "authority" | "path" | "query">) => string;

export function compileVersion(settings: VersionSettings): VersionOf {
  if (typeof settings === "string") return () => settings;
  const { from, to, percent } = settings;
  const share = percent / 100;
  return (exchange) => (placeOf(urlOf(exchange)) < share ? to : from);
}

/** A URL's place in the roll-over, from 0 up to 1, the same in all instances: FNV-1a, mixed as MurmurHash3 ends. */
function placeOf(url: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < url.length; i++) hash = Math.imul(hash ^ url.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
