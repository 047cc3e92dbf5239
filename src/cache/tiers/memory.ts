import { LRUCache } from "lru-cache";
import { sizeOf, type Entry } from "../entry.ts";
import { MOST_VARIANTS, type Tier } from "./tier.ts";

/** Variants of one key, the last used first. */
type Variants = readonly Entry[];

/** The tier in this process. `bytes`: memory that entries may take up; the least recently used keys give way. */
export function createMemoryTier(bytes: number): Tier {
  const records = new LRUCache<string, Variants>({
    maxSize: bytes,
    sizeCalculation: (variants, key) => variants.reduce((sum, entry) => sum + sizeOf(entry), key.length),
  });
  return {
    get(key, variantOf) {
      const variants = records.get(key);
      const found = variants?.find(({ vary, variant }) => variantOf(vary) === variant);
      // The same entries in another order: the size stays.
      if (variants && found && variants[0] !== found) records.set(key, [found, ...variants.filter((v) => v !== found)]);
      return found;
    },
    set(key, entry) {
      const before = records.peek(key) ?? [];
      const others = before.filter(({ vary, variant }) => vary !== entry.vary || variant !== entry.variant);
      if (others.length < before.length && before.some((old) => !others.includes(old) && old.fence > entry.fence))
        return;
      records.set(key, [entry, ...others.slice(0, MOST_VARIANTS - 1)]);
    },
    delete: (key) => void records.delete(key),
    clear: () => records.clear(),
    close: () => records.clear(),
  };
}
