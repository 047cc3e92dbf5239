import type { Entry } from "../entry.ts";
import type { Lost } from "./evict/eviction.ts";
import type { Tiers } from "./tiers.ts";

/** Demotions under way at a time; what gives way meanwhile is dropped: a full memory must not flood what is behind it. */
const MOST_UNDER_WAY = 16;

/** Entries put into a farther tier, and those dropped because too many were under way. */
export interface DemotionStats {
  readonly demoted: number;
  readonly dropped: number;
}

/** Puts what had to give way in memory into the tiers behind it, where those have no such variant. */
export class Demotion {
  readonly #farther: Pick<Tiers, "find" | "put">;
  #underWay = 0;
  #demoted = 0;
  #dropped = 0;

  constructor(farther: Pick<Tiers, "find" | "put">) {
    this.#farther = farther;
  }

  /** What memory tells of a removal; what has ended stays away. */
  take(key: string, entries: readonly Entry[], why: Lost): void {
    if (why !== "capacity") return;
    for (const entry of entries) {
      if (this.#underWay < MOST_UNDER_WAY) void this.#demote(key, entry);
      else this.#dropped++;
    }
  }

  stats(): DemotionStats {
    return { demoted: this.#demoted, dropped: this.#dropped };
  }

  async #demote(key: string, entry: Entry): Promise<void> {
    this.#underWay++;
    try {
      if (await this.#farther.find(key, (vary) => (vary === entry.vary ? entry.variant : undefined))) return;
      this.#farther.put(key, entry);
      this.#demoted++;
    } finally {
      this.#underWay--;
    }
  }
}
