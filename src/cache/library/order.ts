import { loggedPart, wallPosition } from "../tags/log-position.ts";
import type { CacheTime } from "../time.ts";
import type { Shelf } from "./shelf.ts";

/** What a write, or a load that begins, is given now: its place among those of all processes. */
export type Order = (position: number) => number;

/**
 * Which of two values is the newer one, for tiers that several processes write to: the fence of their entries. By the log
 * of purges where there is one, because each `set` is in it and no process's clock matters; what lies between two of its
 * positions is of the same order, and the last one written stays. Without a log by the wall clock, and nothing without
 * anybody to be in order with.
 */
export function orderOf(shelf: Pick<Shelf, "isShared">, hasLog: boolean, time: Pick<CacheTime, "wall">): Order {
  if (!shelf.isShared) return () => 0;
  return hasLog ? (position) => Math.max(0, loggedPart(position)) : () => wallPosition(Math.floor(time.wall()));
}
