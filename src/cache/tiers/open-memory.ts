import type { Clock } from "../../core/clock.ts";
import type { CacheSettings } from "../settings.ts";
import type { CacheTime } from "../time.ts";
import { Admission } from "./admission.ts";
import { Demotion, type DemotionStats } from "./demotion.ts";
import { openMemories, type Memories } from "./memories.ts";
import type { MemoryTierParts } from "./memory.ts";
import { selectTiers, type TierChoice } from "./selection.ts";
import { Tiers, type NamedTier, type Positions } from "./tiers.ts";

export interface OpenMemoryParts {
  readonly clock: Clock;
  readonly time: CacheTime;
  readonly positions: Positions;
  /** The tiers behind memory, nearest first. */
  readonly farther: readonly NamedTier[];
  /** Told of each removal that nobody asked for. */
  readonly removed: NonNullable<MemoryTierParts["removed"]>;
}

export interface OpenMemory {
  readonly memories: Memories;
  /** What may come into memory from farther away: one for all classes. */
  readonly admission: Admission;
  demotions(): DemotionStats;
}

/** The memory that the settings give to each class, and what goes between it and the tiers behind it. */
export function openMemory(settings: CacheSettings, parts: OpenMemoryParts): OpenMemory {
  const { clock, time, positions, farther, removed } = parts;
  const demotions = new Map<string | undefined, Demotion>();
  if (settings.demotion === "farther") {
    const declared: readonly (readonly [string | undefined, TierChoice | undefined])[] = [
      [undefined, undefined],
      ...Object.entries(settings.classes).map(([name, { tiers }]) => [name, tiers] as const),
    ];
    for (const [name, choice] of declared) {
      const behind = selectTiers(farther, choice, time);
      if (behind.length > 0) demotions.set(name, new Demotion(new Tiers(behind, time, positions)));
    }
  }
  const memories = openMemories(settings, {
    clock,
    now: time.now,
    removed(name, key, entries, why) {
      removed(key, entries, why);
      demotions.get(name)?.take(key, entries, why);
    },
  });
  return {
    memories,
    admission: new Admission(),
    demotions() {
      const all = Array.from(demotions.values(), (demotion) => demotion.stats());
      return {
        demoted: all.reduce((sum, { demoted }) => sum + demoted, 0),
        dropped: all.reduce((sum, { dropped }) => sum + dropped, 0),
      };
    },
  };
}
