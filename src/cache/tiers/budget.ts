import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import type { Cancel, Clock } from "../../core/clock.ts";
import type { MemoryTier } from "./memory.ts";

const MIB = 2 ** 20;
/** Milliseconds between two looks. */
const INTERVAL = 10_000;
/** Of the memory there is: from here on a budget shrinks, and below it does not grow any more. */
const TIGHT = 0.9;
const WARM = 0.75;
/** Part of the requests that one MiB more must turn into hits, to be worth it. */
const LEAST_GAIN = 0.0001;
/** Part of the budget that one step takes or gives. */
const STEP = 0.25;

/** Octets between which a budget moves by itself. */
export interface BudgetRange {
  readonly min: number;
  readonly max: number;
}

export interface BudgetReading extends BudgetRange {
  readonly budget: number;
  /** Part of the requests that would be hits with one MiB more. */
  readonly hitGainPerMiB: number;
  /** Of the memory that this process may have, the part in use: 0 to 1. */
  readonly heapPressure: number;
}

/** The budget from now on, whole octets: less when memory is tight, more when that would bring hits, never out of its range. */
export function nextBudget({ budget, min, max, hitGainPerMiB, heapPressure }: BudgetReading): number {
  const grows = heapPressure < WARM && hitGainPerMiB >= LEAST_GAIN;
  const factor = heapPressure >= TIGHT ? 1 - STEP : grows ? 1 + STEP : 1;
  return Math.min(max, Math.max(min, Math.round(budget * factor)));
}

export interface ScaledBudget {
  readonly range: BudgetRange;
  readonly tier: Pick<MemoryTier, "stats" | "resize">;
  readonly clock: Pick<Clock, "every">;
  /** Default: of heap and resident memory, the one that is nearer to its limit. */
  readonly heapPressure?: () => number;
}

/**
 * Moves a tier's budget every ten seconds. What came back soon after it gave way would have been a hit, had the tier been
 * twice as large: that is the gain. Call what it returns to stop it.
 */
export function scaleBudget({ range, tier, clock, heapPressure = pressureHere }: ScaledBudget): Cancel {
  let before = tier.stats();
  return clock.every(INTERVAL, () => {
    const now = tier.stats();
    const asked = now.asked - before.asked;
    const gain = asked === 0 ? 0 : (now.returned - before.returned) / asked;
    before = now;
    const reading = { budget: now.limit, hitGainPerMiB: gain / (now.limit / MIB), heapPressure: heapPressure() };
    const next = nextBudget({ ...range, ...reading });
    if (next !== now.limit) tier.resize(next);
  });
}

function pressureHere(): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  const contained = process.constrainedMemory();
  const most = contained > 0 ? Math.min(contained, totalmem()) : totalmem();
  return Math.max(used / limit, process.memoryUsage.rss() / most);
}
