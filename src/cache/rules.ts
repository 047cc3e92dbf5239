/**
 * The words between the rules of HTTP caching (RFC 9111, 5861, 9213: pure functions, `src/cache/rules/`) and the stage
 * that acts on them. Times are milliseconds since 1970 on the cache's own line (`time.ts`), durations milliseconds,
 * header lists flat.
 */
import type { HeaderList } from "../core/headers.ts";

/** What a request says that matters to a cache. */
export interface CacheRequest {
  readonly method: string;
  readonly headers: HeaderList;
}

/** Head of a dependency's answer. */
export interface CacheResponse {
  readonly status: number;
  readonly headers: HeaderList;
}

/** What is kept of an answer beside its body; enough to decide on every later request. */
export interface StoredHead extends CacheResponse {
  /** How old it was when it came: RFC 9111 section 4.2.3. */
  readonly initialAge: number;
  /** When its head came. */
  readonly receivedAt: number;
}

/** What a route's `cache` setting asks for: follow the origin's fields, or an operator's override of them. */
export type CachePolicy = (
  | { readonly by: "origin" }
  | {
      readonly by: "operator";
      readonly ttl: number;
      readonly staleWhileRevalidate: number;
      readonly staleIfError: number;
    }
) & {
  /** The longest lifetime that an origin's word is taken for. Absent: any. */
  readonly most?: number | undefined;
};

/** How long a stored answer may be used, and how. */
export interface Usability {
  /** Corrected age now. */
  readonly age: number;
  /** Freshness lifetime; fresh while `age < lifetime`. */
  readonly lifetime: number;
  /** Past `lifetime`: may be used while a refresh runs. 0: not at all. */
  readonly staleWhileRevalidate: number;
  /** Past `lifetime`: may be used when the dependency fails or refuses. 0: not at all. */
  readonly staleIfError: number;
  /**
   * Somebody said how long it may stand in. If nobody did, only a dependency that fails lets it: one that is slow is still
   * connected (RFC 9111 section 4.2.4).
   */
  readonly saysHowStale: boolean;
  /** must-revalidate, proxy-revalidate, s-maxage or no-cache: never stale, on no ground. */
  readonly mustRevalidate: boolean;
}

/** Whether an answer may be stored, and why not. `fields` are those of the answer that may be kept (qualified no-cache / private taken out). */
export type StoreVerdict =
  | { readonly store: true; readonly headers: HeaderList }
  | {
      readonly store: false;
      readonly reason: NotStored;
      /** Others waiting for the same answer must not get it. */ readonly personal: boolean;
    };

export type NotStored =
  | "method"
  | "status"
  | "request-no-store"
  | "no-store"
  | "private"
  | "authorization"
  | "cookie"
  | "set-cookie"
  | "vary-star"
  | "no-freshness"
  | "partial"
  | "unreadable"; // a directive in doubt is not stored

/** What a stored answer is to a request. */
export type ReuseVerdict =
  | { readonly use: "fresh" }
  | { readonly use: "stale-while-revalidate" }
  /** Ask the dependency; on failure or refusal the stored answer may stand in if `onError`. */
  | { readonly use: "revalidate"; readonly onError: boolean }
  /** The request itself does not want what is stored (no-cache, max-age, min-fresh). */
  | { readonly use: "bypass"; readonly onError: boolean };
