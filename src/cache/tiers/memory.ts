import { sizeOf, type Entry } from "../entry.ts";
import type { EvictionLimits, Held, Lost } from "./evict/eviction.ts";
import { Ghost } from "./evict/ghost.ts";
import { createEviction, type EvictionName } from "./evict/policies.ts";
import { hashOf } from "./sketch.ts";
import { MOST_VARIANTS, type Tier, type VariantOf } from "./tier.ts";

export interface MemoryTierParts {
  readonly limits: EvictionLimits;
  readonly eviction: EvictionName;
  /** Of the line of time that `keepUntil` is on. */
  readonly now: () => number;
  /** Told what gave way or ran out, once, after it is gone; it must not call the tier back. Not of what was replaced or taken away. */
  readonly removed?: (key: string, entries: readonly Entry[], why: Lost) => void;
}

/** What the tier holds, now and as counted since it was made. */
export interface MemoryStats {
  readonly bytes: number;
  /** Most octets, as the budget stands now. */
  readonly limit: number;
  /** Keys; each has one variant or more. */
  readonly entries: number;
  readonly removed: Readonly<Record<Lost, number>>;
  /** Times that it was asked. */
  readonly asked: number;
  /** Keys that were put in again soon after they gave way: with twice the room they would have been found. */
  readonly returned: number;
}

const NONE: readonly Entry[] = [];

/** Octets of what a key takes beside its text and its entries: the links and slots of the eviction. */
const A_KEY = 128;

/** The variants of a key, the last used first, as they are held. */
export type HeldEntries = Held<readonly Entry[]>;

/** The tier in this process: it answers at once. */
export interface MemoryTier extends Tier {
  get(key: string, variantOf: VariantOf): Entry | undefined;
  variants(key: string): readonly Entry[];
  set(key: string, entry: Entry): void;
  delete(key: string): void;
  clear(): void;
  close(): void;
  stats(): MemoryStats;
  /** Counts as no use. */
  peek(key: string): HeldEntries | undefined;
  /** Up to `most` of what is held, in no order to rely on. */
  list(most: number): HeldEntries[];
  /** All that is held, in no order to rely on, without a copy of the list: nothing may be put in or taken out meanwhile. */
  all(): Iterable<HeldEntries>;
  /** Another budget from now on; what is above it gives way at once. */
  resize(bytes: number): void;
}

/** Keeps entries as they are, within a budget of octets and of keys; what gives way is its eviction's choice. */
export function createMemoryTier({ limits, eviction, now, removed }: MemoryTierParts): MemoryTier {
  const counts: Record<Lost, number> = { capacity: 0, expired: 0 };
  const ghost = new Ghost();
  let asked = 0;
  let returned = 0;
  const lost = (key: string, entries: readonly Entry[], why: Lost): void => {
    counts[why] += entries.length;
    removed?.(key, entries, why);
  };
  const records = createEviction<Entry[]>(eviction, {
    limits,
    lost({ key, value }, why) {
      if (why === "capacity") ghost.add(hashOf(key), records.entries);
      lost(key, value, why);
    },
  });
  return {
    get(key, variantOf) {
      asked++;
      const at = now();
      const variants = records.get(key, at);
      const found = variants && use(variants, variantOf);
      return found && found.keepUntil > at ? found : undefined;
    },
    variants: (key) => records.peek(key)?.value ?? NONE,
    set(key, entry) {
      const at = now();
      if (entry.keepUntil <= at) return;
      const held = records.peek(key);
      if (!held && ghost.take(hashOf(key), records.entries)) returned++;
      const variants = held ? withEntry(held.value, entry, at, (other, why) => lost(key, [other], why)) : [entry];
      if (!variants) return;
      let bytes = bytesOf(key, variants);
      // Variants that do not fit beside the newest give way to it.
      while (bytes > records.limit && variants.length > 1) {
        const last = variants.pop()!;
        bytes -= sizeOf(last);
        lost(key, [last], "capacity");
      }
      records.set(key, variants, bytes, endOf(variants), at);
    },
    delete: (key) => void records.delete(key),
    clear: () => records.clear(),
    close: () => records.clear(),
    stats() {
      const { bytes, limit, entries } = records;
      return { bytes, limit, entries, removed: { ...counts }, asked, returned };
    },
    peek: (key) => records.peek(key),
    list(most) {
      const listed: HeldEntries[] = [];
      if (most <= 0) return listed;
      for (const held of records.all()) if (listed.push(held) >= most) break;
      return listed;
    },
    all: () => records.all(),
    resize: (bytes) => records.resize(bytes, now()),
  };
}

/** The variant that fits, put first. */
function use(variants: Entry[], variantOf: VariantOf): Entry | undefined {
  for (let at = 0; at < variants.length; at++) {
    const entry = variants[at]!;
    if (variantOf(entry.vary) !== entry.variant) continue;
    if (at > 0) variants.unshift(...variants.splice(at, 1));
    return entry;
  }
  return undefined;
}

/** The variants with `entry` first, in place of the same one; undefined when that is of a later writer. */
function withEntry(
  variants: readonly Entry[],
  entry: Entry,
  now: number,
  lost: (entry: Entry, why: Lost) => void,
): Entry[] | undefined {
  const kept = [entry];
  const gone: [Entry, Lost][] = [];
  for (const other of variants) {
    if (other.vary === entry.vary && other.variant === entry.variant) {
      if (other.fence > entry.fence && other.keepUntil > now) return undefined;
    } else if (other.keepUntil <= now) gone.push([other, "expired"]);
    else if (kept.length >= MOST_VARIANTS) gone.push([other, "capacity"]);
    else kept.push(other);
  }
  for (const [other, why] of gone) lost(other, why);
  return kept;
}

function bytesOf(key: string, variants: readonly Entry[]): number {
  let bytes = A_KEY + key.length;
  for (const entry of variants) bytes += sizeOf(entry);
  return bytes;
}

function endOf(variants: readonly Entry[]): number {
  let end = 0;
  for (const { keepUntil } of variants) end = Math.max(end, keepUntil);
  return end;
}
