import { LRUCache } from "lru-cache";
import type { Clock } from "../../core/clock.ts";

/** What was rejected of one key. Monotonic milliseconds. */
interface Offence {
  rejections: number;
  /** Of the first of `rejections`. */
  since: number;
  /** The tier is not asked for it until then. */
  until: number;
}

/** Rejections within {@link WINDOW} after which a key is left alone for {@link REST}. */
const REJECTIONS = 3;
const WINDOW = 60_000;
const REST = 300_000;
/** Keys that are remembered; the least recently rejected is forgotten, which costs a lookup in vain and no more. */
const MOST_KEYS = 10_000;

/**
 * Keys of one tier under which unusable octets were found again and again: whoever writes them goes on doing it, so they
 * are not fetched, checked and thrown away at each request.
 */
export class Quarantine {
  readonly #offences = new LRUCache<string, Offence>({ max: MOST_KEYS });
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the tier is not to be asked for this key. */
  holds(key: string): boolean {
    if (this.#offences.size === 0) return false;
    const offence = this.#offences.peek(key);
    return offence !== undefined && offence.until > this.#clock.now();
  }

  /** What was found under a key could not be used. True when that puts it into quarantine. */
  rejected(key: string): boolean {
    const now = this.#clock.now();
    let offence = this.#offences.get(key);
    if (!offence || now - offence.since >= WINDOW) {
      offence = { rejections: 0, since: now, until: 0 };
      this.#offences.set(key, offence);
    }
    offence.rejections += 1;
    if (offence.rejections !== REJECTIONS) return false;
    offence.until = now + REST;
    return true;
  }
}
