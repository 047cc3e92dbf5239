import type { Cancel, Clock } from "../../core/clock.ts";
import type { EventBus, TiersCompared } from "../../core/events.ts";
import type { Entry } from "../entry.ts";
import { loggedPart } from "../tags/log-position.ts";
import type { CacheTime } from "../time.ts";
import type { Tiers } from "./tiers.ts";

/** Milliseconds that a write to a farther tier may still be under way. */
const SETTLED_AFTER = 1000;

export interface SamplerParts {
  readonly clock: Clock;
  readonly time: Pick<CacheTime, "now">;
  readonly bus: EventBus;
  /** Comparisons a second; 0: none. */
  readonly rate: number;
}

/**
 * Compares what memory answers with the next tier: a few hits a second, the next one after each tick, so that keys come
 * up as often as they are asked for. What differs is counted and mended: the older copy gives way.
 */
export class Sampler {
  readonly #parts: SamplerParts;
  readonly #stop: Cancel;
  #due = false;

  constructor(parts: SamplerParts) {
    this.#parts = parts;
    const { clock, rate } = parts;
    this.#stop = rate > 0 ? clock.every(1000 / rate, () => (this.#due = true)) : () => {};
  }

  /** Told of each answer from memory; takes the one that is due. */
  saw(tiers: Tiers, key: string, entry: Entry): void {
    if (!this.#due || this.#parts.time.now() - entry.head.receivedAt < SETTLED_AFTER) return;
    this.#due = false;
    void this.#compare(tiers, key, entry).then((result) =>
      this.#parts.bus.publish("spillway:cache-compared", { result }),
    );
  }

  close(): void {
    this.#stop();
  }

  async #compare(tiers: Tiers, key: string, entry: Entry): Promise<TiersCompared["result"]> {
    const other = await tiers.farther(key, entry);
    if (!other) return "absent";
    const order = compareVersions(entry, other);
    // What has changed meanwhile is for another time.
    if (order === 0 || !tiers.hasStill(key, entry)) return "same";
    if (order > 0) {
      tiers.put(key, entry);
      return "ahead";
    }
    tiers.confirm(key, other);
    return "behind";
  }
}

/** Above 0: `one` is newer. Times are compared to the second: those of others are moved to our line of time. */
function compareVersions(one: Entry, other: Entry): number {
  const second = ({ head }: Entry): number => Math.floor(head.receivedAt / 1000);
  const slot = ({ position }: Entry): number => loggedPart(position);
  if (one.fence !== other.fence) return one.fence - other.fence;
  const seconds = second(one) - second(other);
  if (Math.abs(seconds) > 1) return seconds;
  // A position may have been raised here since, or lowered when it came: only with another body it is another version.
  return one.body.equals(other.body) ? 0 : slot(one) - slot(other);
}
