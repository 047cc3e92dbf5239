import type { RemovalReason } from "./events.ts";
import type { CacheTier } from "./outcome.ts";
import type { OrderTaken, PlanReading, WarmOrder } from "./warming.ts";

/** What is to be purged, and how: everything that any of its parts is about. */
export interface PurgeOrder {
  /** With scheme and authority. */
  readonly urls: readonly string[];
  readonly tags: readonly string[];
  /** Beginnings of URLs; one that begins with a slash, of paths on whatever host. */
  readonly prefixes: readonly string[];
  /** Whole URLs, or paths as above, with `*` for any characters and `?` for one. */
  readonly patterns: readonly string[];
  readonly all: boolean;
  /** What is kept counts as stale and may still stand in; else it is gone. */
  readonly soft: boolean;
  /** Purge what depends on the tags, too, as `cache.cascade` says. */
  readonly cascade: boolean;
  /** Count and change nothing. */
  readonly dryRun: boolean;
  /** Data has changed; else a person or a program asked for it. */
  readonly changed: boolean;
}

/** What one process did with an order. */
export interface PurgeReport {
  /** Tags, those of the cascade among them. */
  readonly tags: readonly string[];
  /** Of the order's `urls`, those that no request could have. */
  readonly refused: readonly string[];
  readonly cascade: { readonly depth: number; readonly count: number };
  /** Entries in this process's memory that it was about. */
  readonly matched: number;
  /** Whether `matched` is all there is: false with a tier that cannot be counted. */
  readonly exact: boolean;
  /** Of the newest purge, this one if it was none for show. */
  readonly position: number;
}

/** How long something took, summed up. `counts` holds pairs of bucket and count: see `durations.ts`. */
export interface DurationsReading {
  readonly sumMs: number;
  readonly counts: readonly number[];
}

/** One tier of one process; undefined: it cannot be counted from here. */
export interface TierReading {
  readonly tier: CacheTier;
  readonly entries: number | undefined;
  readonly bytes: number | undefined;
  readonly maxBytes: number | undefined;
  /** Answers given from it, fresh and past their freshness. */
  readonly hits: number;
  readonly stale: number;
  /** Of lookups; in memory of one in 32. */
  readonly lookups: DurationsReading;
}

/** What caches were to the exchanges of one route. */
export interface RouteReading {
  readonly route: string;
  readonly hits: number;
  readonly stale: number;
  readonly misses: number;
  readonly bypasses: number;
  /** The route's own answer in place of a failure. */
  readonly fallbacks: number;
}

/** Memory of one class of answers, in one process. */
export interface ClassReading {
  /** "": of the routes without one. */
  readonly class: string;
  readonly entries: number;
  readonly bytes: number;
  /** As its budget stands now. */
  readonly maxBytes: number;
  /** Entries that gave way, and those that had ended when they were met. */
  readonly removed: { readonly capacity: number; readonly expired: number };
}

/** What went between memory and the tiers behind it, and what did not. */
export interface MovedReading {
  /** Gave way in memory and were put behind it. */
  readonly demoted: number;
  /** Gave way while too many were on their way already. */
  readonly notDemoted: number;
  /** Large bodies that stayed behind because they were asked for once only. */
  readonly notPromoted: number;
}

/** What the looks at a route's answers say of their lifetime, milliseconds. */
export interface LifetimeReading {
  readonly route: string;
  readonly current: number;
  readonly proposed: number;
  /** Whether proposals are used. */
  readonly applied: boolean;
  /** Share of requests that would be answered by what is kept, more than now. */
  readonly hitGain: number;
  /** Share of answers that are out of date when their lifetime ends. */
  readonly staleRisk: { readonly current: number; readonly proposed: number };
  readonly volatility: "low" | "medium" | "high";
  /** Answers that were compared with a former one. */
  readonly looks: number;
}

/** The cache of one process since it started. */
export interface CacheReading {
  readonly tiers: readonly TierReading[];
  readonly classes: readonly ClassReading[];
  readonly moved: MovedReading;
  readonly routes: readonly RouteReading[];
  /** Of routes that adapt and have seen enough. */
  readonly lifetimes: readonly LifetimeReading[];
  readonly removed: Readonly<Partial<Record<RemovalReason, number>>>;
  /** Answers that could have been kept and were not, by reason. */
  readonly notStored: Readonly<Record<string, number>>;
  /** Fetches under way. */
  readonly flights: number;
  readonly ledger: LedgerReading;
  /** The URLs most often answered from memory, of those there now. */
  readonly used: readonly Counted[];
  /** The URLs most often missed, roughly: at most as often as said. */
  readonly missed: readonly Counted[];
}

export interface Counted {
  readonly name: string;
  readonly count: number;
}

/** What the record of purges holds. */
export interface LedgerReading {
  readonly position: number;
  readonly tags: number;
  readonly urls: number;
  readonly bans: number;
  /** Positions below which everything counts as purged, soft or hard; 0: none. */
  readonly floor: { readonly soft: number; readonly hard: number };
}

/** Tags of one process: what is kept under them, and what was purged. */
export interface TagsReading {
  readonly ledger: LedgerReading;
  /** Tags by entries in memory, most first. */
  readonly top: readonly Counted[];
  /** The newest purges of tags, prefixes and patterns. */
  readonly purged: readonly { readonly target: string; readonly soft: boolean; readonly position: number }[];
}

/** What is kept under a key, without its body. Times are milliseconds since 1970. */
export interface EntryReading {
  readonly tier: CacheTier;
  readonly key: string;
  readonly url: string;
  readonly status: number;
  readonly headers: readonly string[];
  readonly vary: string;
  readonly variant: string;
  readonly tags: readonly string[];
  readonly createdAt: number;
  /** Until then it is of use, stale or not. */
  readonly keepUntil: number;
  /** Since it came into this process; undefined where it was not used. */
  readonly lastAccessAt: number | undefined;
  readonly hits: number;
  /** Octets of the body, and of memory with all that belongs to it. */
  readonly bodyBytes: number;
  readonly bytes: number;
  /** Milliseconds that the dependency took for it. */
  readonly buildMs: number;
  readonly standing: "current" | "stale" | "gone";
}

/** What is asked of the cache of a process. */
export type CacheAsk =
  | { readonly do: "read" }
  | { readonly do: "tags" }
  /** By cache key or URL. */
  | { readonly do: "entries"; readonly key: string }
  /** `share`: other instances are to be told, too. */
  | { readonly do: "purge"; readonly order: PurgeOrder; readonly share: boolean }
  | WarmAsk;

/** What is asked about warming. */
export type WarmAsk =
  /** `first`: of several processes, it is the one that warms what they all share. */
  | { readonly do: "warm"; readonly order: WarmOrder; readonly first: boolean }
  /** All that is known of, or those of one id. */
  | { readonly do: "plans"; readonly id: string | undefined }
  | { readonly do: "cancel-plan"; readonly id: string };

export type CacheAnswer =
  | { readonly did: "read"; readonly reading: CacheReading }
  | { readonly did: "tags"; readonly tags: TagsReading }
  | { readonly did: "entries"; readonly entries: readonly EntryReading[] }
  | { readonly did: "purge"; readonly report: PurgeReport }
  | { readonly did: "warm"; readonly taken: OrderTaken; readonly total: number }
  | { readonly did: "plans"; readonly plans: readonly PlanReading[] }
  | { readonly did: "cancel-plan"; readonly cancelled: boolean }
  /** There is no room for so many prefixes and patterns. */
  | { readonly did: "refused"; readonly room: number };
