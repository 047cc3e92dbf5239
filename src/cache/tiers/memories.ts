import type { Cancel, Clock } from "../../core/clock.ts";
import { scaleBudget, type BudgetRange } from "./budget.ts";
import type { EvictionName } from "./evict/policies.ts";
import {
  createMemoryTier,
  type HeldEntries,
  type MemoryStats,
  type MemoryTier,
  type MemoryTierParts,
} from "./memory.ts";

/** Octets, or octets between which it moves by itself. */
export type Budget = number | BudgetRange;

export interface MemoriesSettings {
  readonly memory: Budget;
  readonly entries: number;
  readonly eviction: EvictionName;
  readonly classes: Readonly<Record<string, { readonly memory: Budget }>>;
}

export interface MemoriesParts {
  readonly clock: Pick<Clock, "every">;
  /** Of the line of time that `keepUntil` is on. */
  readonly now: () => number;
  /** Told what gave way or ran out, with the class it was in; undefined: in none. */
  readonly removed?: (name: string | undefined, ...of: Parameters<NonNullable<MemoryTierParts["removed"]>>) => void;
}

/** The memory tiers of this process: one for each class and one for routes without. What one overflows with is never another's loss. */
export interface Memories {
  /** Undefined: of routes without a class. A class that was not declared throws. */
  of(name: string | undefined): MemoryTier;
  /** Of each class by name; "" are the routes without. */
  byClass(): Readonly<Record<string, MemoryStats>>;
  /** All of them together, to be looked into. A key in several classes is shown as the first has it. */
  readonly whole: Pick<MemoryTier, "stats" | "peek" | "list" | "clear" | "close"> & {
    /** All that is held, tier by tier and in no order to rely on, without a copy: nothing may be put in or taken out meanwhile. */
    all(): readonly Iterable<HeldEntries>[];
  };
}

export function openMemories(settings: MemoriesSettings, parts: MemoriesParts): Memories {
  const { entries, eviction } = settings;
  const { clock, now, removed } = parts;
  const scaled: Cancel[] = [];
  const open = (budget: Budget, name?: string): MemoryTier => {
    const bytes = typeof budget === "number" ? budget : budget.min;
    const told = removed && { removed: removed.bind(undefined, name) };
    const tier = createMemoryTier({ limits: { bytes, entries }, eviction, now, ...told });
    if (typeof budget !== "number") scaled.push(scaleBudget({ range: budget, tier, clock }));
    return tier;
  };
  const tiers = new Map([["", open(settings.memory)]]);
  for (const [name, { memory }] of Object.entries(settings.classes)) tiers.set(name, open(memory, name));
  return {
    of(name = "") {
      const tier = tiers.get(name);
      if (!tier) throw new Error(`there is no cache class ${JSON.stringify(name)}`);
      return tier;
    },
    byClass: () => Object.fromEntries(Array.from(tiers, ([name, tier]) => [name, tier.stats()])),
    whole: {
      stats: () => Array.from(tiers.values(), (tier) => tier.stats()).reduce(sum),
      peek(key) {
        for (const tier of tiers.values()) {
          const held = tier.peek(key);
          if (held) return held;
        }
        return undefined;
      },
      list(most) {
        const listed: HeldEntries[] = [];
        for (const tier of tiers.values()) for (const held of tier.list(most - listed.length)) listed.push(held);
        return listed;
      },
      all: () => Array.from(tiers.values(), (tier) => tier.all()),
      clear: () => tiers.forEach((tier) => tier.clear()),
      close() {
        for (const cancel of scaled) cancel();
        for (const tier of tiers.values()) tier.close();
      },
    },
  };
}

const sum = (one: MemoryStats, other: MemoryStats): MemoryStats => ({
  bytes: one.bytes + other.bytes,
  limit: one.limit + other.limit,
  entries: one.entries + other.entries,
  removed: {
    capacity: one.removed.capacity + other.removed.capacity,
    expired: one.removed.expired + other.removed.expired,
  },
  asked: one.asked + other.asked,
  returned: one.returned + other.returned,
});
