import type { Entry } from "../entry.ts";

/** What a request has in the fields that a Vary field names; undefined: it can have no variant of that. */
export type VariantOf = (vary: string) => string | undefined;

/**
 * A place that keeps entries: under each key one record with up to {@link MOST_VARIANTS} variants, told apart by
 * `vary` and `variant`. It knows nothing of freshness. What it answers may be a promise; a remote one may reject.
 */
export interface Tier {
  /** The variant of this request, of several that fit the one used last. Counts as a use of it. */
  get(key: string, variantOf: VariantOf): Entry | undefined | Promise<Entry | undefined>;
  /** All variants of a key, the last used first. Counts as no use. Absent: it has none at hand. */
  variants?(key: string): readonly Entry[];
  /**
   * Puts an entry in place of the same variant, if any, unless that has a higher fence. An entry that is too large for
   * the tier, or whose `keepUntil` has passed, is not kept.
   */
  set(key: string, entry: Entry): void | Promise<void>;
  /** Takes all variants of a key away. */
  delete(key: string): void | Promise<void>;
  /** Each of the keys, in their order, in one round trip, of entries without variants. Absent: asked one by one. */
  getMany?(keys: readonly string[]): Promise<readonly (Entry | undefined)[]>;
  /** All of them in one round trip. Absent: one by one. */
  setMany?(entries: readonly (readonly [key: string, entry: Entry])[]): Promise<void>;
  /** All of them in one round trip. Absent: one by one. */
  deleteMany?(keys: readonly string[]): Promise<void>;
  clear(): void | Promise<void>;
  /** Frees all it holds; nothing is called after it. */
  close(): void | Promise<void>;
}

/** Variants of one key; the least recently used gives way to one more. */
export const MOST_VARIANTS = 32;

/** Why a tier that is not in this process did not do as it was told. */
export class TierError extends Error {
  /** `refused`: it is there and says no. */
  readonly failure: "down" | "timeout" | "refused";
  constructor(failure: TierError["failure"], cause: Error) {
    super(cause.message, { cause });
    this.name = "TierError";
    this.failure = failure;
  }
}
