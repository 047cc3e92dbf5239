import { createMemoryTier, type MemoryTier } from "../../src/cache/tiers/memory.ts";

/** A memory tier that goes by last use and stands at one time, 0 unless told. */
export const memoryTier = (bytes: number, now: () => number = () => 0): MemoryTier =>
  createMemoryTier({ limits: { bytes, entries: 100_000 }, eviction: "lru", now });
