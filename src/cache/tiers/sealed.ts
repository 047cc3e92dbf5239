import type { Clock } from "../../core/clock.ts";
import { deleteMany, getMany, setMany } from "./batch.ts";
import { Quarantine } from "./quarantine.ts";
import { createFrameCodec, type FrameCodec, type Rejection } from "./seal.ts";
import type { Tier } from "./tier.ts";

export interface SealedParts {
  readonly clock: Clock;
  /** The first one seals, every one is accepted. Empty: a checksum only. */
  readonly secrets: readonly string[];
  /** Octets that were found in the tier were not used. */
  readonly rejected: (reason: Rejection) => void;
  /** What was under a key was taken away after several such finds. */
  readonly quarantined?: () => void;
}

/**
 * A tier that keeps octets, made by `open` with the codec for them. A key under which it had unusable octets three times
 * within a minute is taken away and not asked for in it for five minutes; writing goes on.
 */
export function createSealedTier(
  { clock, secrets, rejected, quarantined }: SealedParts,
  open: (codec: FrameCodec) => Tier,
): Tier {
  const quarantine = new Quarantine(clock);
  const codec = createFrameCodec({
    secrets,
    rejected(key, reason) {
      rejected(reason);
      // A forged fence would otherwise keep every later entry out.
      if (!quarantine.rejected(key)) return;
      quarantined?.();
      void (async () => tier.delete(key))().catch(() => {});
    },
  });
  const tier = open(codec);
  return {
    get: (key, variantOf) => (quarantine.holds(key) ? undefined : tier.get(key, variantOf)),
    set: (key, entry) => tier.set(key, entry),
    delete: (key) => tier.delete(key),
    async getMany(keys) {
      const asked = keys.filter((key) => !quarantine.holds(key));
      const found = asked.length > 0 ? await getMany(tier, asked) : [];
      if (asked.length === keys.length) return found;
      const entries = new Map(asked.map((key, i) => [key, found[i]]));
      return keys.map((key) => entries.get(key));
    },
    setMany: (entries) => setMany(tier, entries),
    deleteMany: (keys) => deleteMany(tier, keys),
    clear: () => tier.clear(),
    close: () => tier.close(),
  };
}
