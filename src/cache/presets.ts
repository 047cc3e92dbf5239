/** What clients and caches in front are told of an answer that is kept here: presets in place of the origin's own words. */
import { withoutHeaders, type HeaderList } from "../core/headers.ts";
import type { CachePolicy } from "./rules.ts";
import { isOperators } from "./rules/lifetime.ts";

export type Preset = "browser" | "cdn" | "shared" | "full";

type Lifetimes = Omit<Extract<CachePolicy, { readonly by: "operator" }>, "by">;

const seconds = (ms: number): string => String(Math.floor(ms / 1000));

function withWindows(ttl: string, { staleWhileRevalidate, staleIfError }: Lifetimes): string {
  const parts = [ttl];
  if (staleWhileRevalidate > 0) parts.push(`stale-while-revalidate=${seconds(staleWhileRevalidate)}`);
  if (staleIfError > 0) parts.push(`stale-if-error=${seconds(staleIfError)}`);
  return parts.join(", ");
}

/**
 * The fields of each preset. `Age` goes with them, so that a `max-age` counts from when the origin answered.
 * - `browser`: the client itself may use it for the ttl, no cache on the way may;
 * - `cdn`: caches in front may use it for the ttl, the client asks each time;
 * - `shared`: nobody but this gateway keeps it unasked; what a client has it may confirm with a 304;
 * - `full`: everybody, with the stale windows.
 */
const FIELDS: Readonly<Record<Preset, (lifetimes: Lifetimes) => HeaderList>> = {
  browser: ({ ttl }) => ["Cache-Control", `private, max-age=${seconds(ttl)}`],
  cdn: ({ ttl }) =>
    [
      ["Cache-Control", `public, max-age=0, s-maxage=${seconds(ttl)}`],
      ["CDN-Cache-Control", `max-age=${seconds(ttl)}`],
      ["Surrogate-Control", `max-age=${seconds(ttl)}`],
    ].flat(),
  shared: () => ["Cache-Control", "private, no-cache"],
  full: (lifetimes) => {
    const words = withWindows(`max-age=${seconds(lifetimes.ttl)}`, lifetimes);
    return ["Cache-Control", `public, ${words}`, "CDN-Cache-Control", words, "Surrogate-Control", words];
  },
};

const REPLACED: ReadonlySet<string> = new Set([
  "cache-control",
  "cdn-cache-control",
  "expires",
  "pragma",
  "spillway-cache-control",
  "surrogate-control",
]);

/** The fields of an answer that is kept with this status, as clients get them. */
export type Dress = (status: number, headers: HeaderList) => HeaderList;

/**
 * A preset for a route's lifetimes. Only for answers that were kept under them: what says private, what sets a cookie and
 * errors keep the origin's own words. `policyInForce` gives another object when the lifetimes have changed.
 */
export function compilePreset(preset: Preset, policyInForce: () => CachePolicy): Dress {
  const fieldsOf = (policy: CachePolicy): HeaderList => (policy.by === "origin" ? [] : FIELDS[preset](policy));
  let policy = policyInForce();
  let fields = fieldsOf(policy);
  return (status, headers) => {
    const now = policyInForce();
    if (now !== policy) fields = fieldsOf((policy = now));
    return isOperators(policy, status) ? [...withoutHeaders(headers, REPLACED), ...fields] : headers;
  };
}
