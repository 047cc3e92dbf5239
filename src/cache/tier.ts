import type { Entry } from "./entry.ts";

/** Picks the variant of a key that a request may get. */
export type Fits = (entry: Entry) => boolean;

/**
 * A place that keeps entries: under each key one record with up to {@link MOST_VARIANTS} variants, told apart by
 * `vary` and `variant`. It knows nothing of freshness. What it answers may be a promise.
 */
export interface Tier {
  /** The variant that fits and was used last. Counts as a use of it. */
  get(key: string, fits: Fits): Entry | undefined | Promise<Entry | undefined>;
  /** Puts an entry in place of the same variant, if any. An entry that is too large for the tier is not kept. */
  set(key: string, entry: Entry): void | Promise<void>;
  /** Takes all variants of a key away. */
  delete(key: string): void | Promise<void>;
  clear(): void | Promise<void>;
  /** Frees all it holds; nothing is called after it. */
  close(): void | Promise<void>;
}

/** Variants of one key; the least recently used gives way to one more. */
export const MOST_VARIANTS = 32;
