import type { Clock, Random } from "../../core/clock.ts";
import type { EventBus } from "../../core/events.ts";
import type { CacheTier } from "../../core/outcome.ts";
import type { CacheSettings } from "../settings.ts";
import type { CacheTime } from "../time.ts";
import { createMemoryTier } from "./memory.ts";
import { createPostgresTier } from "./postgres.ts";
import { createSealedTier, type SealedParts } from "./sealed.ts";
import type { Tier } from "./tier.ts";
import type { NamedTier } from "./tiers.ts";

export interface OpenParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: EventBus;
  readonly time: CacheTime;
}

/** The tiers that the settings name, nearest first. */
export function openTiers(settings: CacheSettings, parts: OpenParts): readonly NamedTier[] {
  const { memory: bytes, entries, eviction, postgres } = settings;
  const { clock, random, time } = parts;
  const memory = createMemoryTier({ limits: { bytes, entries }, eviction, now: time.now });
  const tiers: NamedTier[] = [{ name: "memory", tier: memory }];
  if (postgres) {
    const sealed = createSealedTier(sealing("postgres", settings, parts), (codec) =>
      createPostgresTier(postgres, { clock, random, codec }),
    );
    tiers.push({ name: "postgres", tier: inTime(sealed, clock, postgres.deadline) });
  }
  return tiers;
}

const sealing = (tier: CacheTier, settings: CacheSettings, { clock, bus }: OpenParts): SealedParts => ({
  clock,
  secrets: settings.secret === undefined ? [] : [settings.secret, ...settings.previousSecrets],
  rejected: (reason) => bus.publish("spillway:cache-rejected", { tier, reason }),
});

/** A miss instead of a failure, and of what takes longer than `deadline` milliseconds. */
function inTime(tier: Tier, clock: Clock, deadline: number): Tier {
  return {
    get: (key, variantOf) =>
      new Promise((resolve) => {
        const found = async () => tier.get(key, variantOf);
        const miss = (): void => resolve(undefined);
        const cancel = clock.after(deadline, miss, "background");
        void found().then(resolve, miss).finally(cancel);
      }),
    set: (key, entry) => attempt(() => tier.set(key, entry)),
    delete: (key) => attempt(() => tier.delete(key)),
    clear: () => attempt(() => tier.clear()),
    close: () => tier.close(),
  };
}

async function attempt(act: () => void | Promise<void>): Promise<void> {
  try {
    await act();
  } catch {
    // The tier goes without.
  }
}
