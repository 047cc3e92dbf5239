import { z } from "zod";
import type { HeaderList } from "./headers.ts";

/** Requests a second that the background lane can keep up with. */
export const FASTEST_WARMING = 100;

/** What can be warmed: a path with its query, or a whole URL. */
export const warmUrl = z
  .string()
  .max(8192)
  .regex(
    /^(?:\/|https?:\/\/[^/?#]+(?:\/|$))[!"$-~]*$/i,
    'expected a path such as "/api/products/7", or a URL with http:// or https://',
  );

/** A request that fills the cache before a client asks. */
export interface WarmTarget {
  /** A path with its query, or a whole URL. */
  readonly url: string;
  /** Of a path; undefined: `cache.warm.host`. */
  readonly host: string | undefined;
  readonly headers: HeaderList;
  /** 0 to 9; 9 goes first. */
  readonly priority: number;
}

/** `fill`: what is fresh is left as it is. `renew`: it is fetched all the same, so that every tier has it again. */
export type WarmMode = "fill" | "renew";

/** What to fetch, and by which name it can be asked about. */
export interface WarmOrder {
  readonly id: string;
  /** `configured`: those of `cache.warm`. */
  readonly targets: "configured" | readonly WarmTarget[];
  readonly mode: WarmMode;
  /** Requests a second; undefined: as configured. */
  readonly rate: number | undefined;
}

/** Why a plan that could go on does not. */
export type WarmHold =
  | "level" // the degradation level is 1 or more
  | "memory" // the process is close to its memory limit
  | "failures"; // several requests failed in a row

/** Where a plan stands. Times are milliseconds since 1970. */
export type PlanState =
  | { readonly at: "queued" }
  | { readonly at: "running"; readonly startedAt: number }
  | { readonly at: "paused"; readonly startedAt: number; readonly because: WarmHold }
  | { readonly at: "done"; readonly startedAt: number; readonly endedAt: number }
  | { readonly at: "cancelled"; readonly startedAt: number | undefined; readonly endedAt: number };

/** What came of one request. */
export type WarmResult = "done" | "skipped" | "not-stored" | "failed";

/** One plan of one process. */
export interface PlanReading {
  readonly id: string;
  readonly state: PlanState;
  readonly total: number;
  /** Fetched and kept. */
  readonly done: number;
  /** Fresh already. */
  readonly skipped: number;
  /** Answered, and not to be kept. */
  readonly notStored: number;
  readonly failed: number;
  /** The first twenty. */
  readonly failures: readonly { readonly url: string; readonly why: string }[];
}

/**
 * What became of an order. `elsewhere`: another process does it for all. `full`: too many plans wait. `empty`: there is
 * nothing to fetch.
 */
export type OrderTaken = "queued" | "elsewhere" | "full" | "empty";
