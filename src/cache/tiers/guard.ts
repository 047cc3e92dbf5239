import type { Clock, Random } from "../../core/clock.ts";
import type { EventBus } from "../../core/events.ts";
import { RedisError } from "../../core/redis.ts";
import { Timeouts } from "../../core/timeouts.ts";
import { toError } from "../../core/errors.ts";
import { sizeOf, type Entry } from "../entry.ts";
import { Breaker, type CallFailure } from "./breaker.ts";
import { TierError, type Tier } from "./tier.ts";
import { deleteMany, getMany, setMany, type Keyed } from "./batch.ts";
import type { NamedTier } from "./tiers.ts";

/** Milliseconds that a look into a remote tier may take, unless told. */
export const TIER_DEADLINE = 20;
/** Keys of one look for which it has a deadline more. */
const KEYS_A_DEADLINE = 100;
/**
 * Milliseconds after a deadline: when it was we who were late, the answer may lie in a socket, which is read only after
 * the timers that are due.
 */
const LOOK_AGAIN = 1;
/** Looks under way at a time; one more is a miss. */
const MOST_GETS = 512;
/** Writes under way at a time, and their octets; one more is dropped. */
const MOST_WRITES = 256;
const MOST_WRITE_BYTES = 32 * 1024 * 1024;

export interface GuardParts {
  readonly name: NamedTier["name"];
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: EventBus;
  /** Milliseconds for a look. Default: {@link TIER_DEADLINE}. Writes end by the tier's own deadline. */
  readonly deadline?: number;
}

/** A tier that never rejects and answers within its deadline. */
export interface GuardedTier extends Tier {
  readonly state: "closed" | "open" | "half-open";
  /** There is a new connection: the next call tries it. */
  reconnected(): void;
}

/** Why a call was not made or came to nothing. */
type Skipped = "open" | "busy" | "timeout" | "failed" | "refused";

/**
 * Keeps a remote tier's troubles from requests: what is late, fails or is one too many is a miss, and after that calls
 * cost nothing until a probe, which nobody waits for, comes through.
 */
export function guarded(tier: Tier, parts: GuardParts): GuardedTier {
  return new Guard(tier, parts);
}

class Guard implements GuardedTier {
  readonly #tier: Tier;
  readonly #name: NamedTier["name"];
  readonly #bus: EventBus;
  readonly #clock: Clock;
  readonly #breaker: Breaker;
  readonly #deadlines: Timeouts;
  #gets = 0;
  #writes = 0;
  #writeBytes = 0;

  constructor(tier: Tier, { name, clock, random, bus, deadline = TIER_DEADLINE }: GuardParts) {
    this.#tier = tier;
    this.#name = name;
    this.#bus = bus;
    this.#clock = clock;
    this.#deadlines = new Timeouts(clock, deadline);
    this.#breaker = new Breaker(clock, random, (state, reason) =>
      bus.publish("spillway:cache-tier", { tier: name, state, reason }),
    );
  }

  get state(): GuardedTier["state"] {
    return this.#breaker.state;
  }

  reconnected(): void {
    this.#breaker.untried();
  }

  get(...asked: Parameters<Tier["get"]>): Entry | undefined | Promise<Entry | undefined> {
    const pass = this.#breaker.admit();
    if (pass === "no") return this.#skipped("open");
    if (pass === "pass" && this.#gets >= MOST_GETS) return this.#skipped("busy");
    let found: ReturnType<Tier["get"]>;
    try {
      found = this.#tier.get(...asked);
    } catch (thrown) {
      return this.#failed(thrown, "get");
    }
    if (!(found instanceof Promise)) {
      // It did not ask the other side.
      if (pass === "probe") this.#breaker.untried();
      return found;
    }
    const answer = this.#timed(found);
    return pass === "probe" ? undefined : answer;
  }

  set(key: string, entry: Entry): void | Promise<void> {
    return this.#write(sizeOf(entry), () => this.#tier.set(key, entry));
  }

  delete(key: string): void | Promise<void> {
    return this.#write(0, () => this.#tier.delete(key));
  }

  async getMany(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    const pass = this.#breaker.admit();
    if (pass === "no") return this.#skipped("open") ?? [];
    if (pass === "pass" && this.#gets >= MOST_GETS) return this.#skipped("busy") ?? [];
    const answer = this.#timed(getMany(this.#tier, keys), 1 + Math.floor(keys.length / KEYS_A_DEADLINE));
    return pass === "probe" ? [] : ((await answer) ?? []);
  }

  async setMany(entries: readonly Keyed[]): Promise<void> {
    const bytes = entries.reduce((sum, [, entry]) => sum + sizeOf(entry), 0);
    await this.#write(bytes, () => setMany(this.#tier, entries));
  }

  async deleteMany(keys: readonly string[]): Promise<void> {
    await this.#write(0, () => deleteMany(this.#tier, keys));
  }

  clear(): void | Promise<void> {
    return this.#write(0, () => this.#tier.clear());
  }

  async close(): Promise<void> {
    this.#deadlines.clear();
    await this.#tier.close();
  }

  /** `deadlines`: so many of them it may take. */
  #timed<T>(found: Promise<T>, deadlines = 1): Promise<T | undefined> {
    this.#gets++;
    return new Promise((resolve) => {
      let state: "asked" | "late" | "done" = "asked";
      let left = deadlines;
      const late = (): void => {
        if (state === "done") return;
        state = "late";
        this.#breaker.failed("timeout", `no answer within ${this.#deadlines.ms * deadlines} ms`);
        resolve(this.#skipped("timeout"));
      };
      const expire = (): void => {
        if (--left > 0) wait = this.#deadlines.start(expire);
        else this.#clock.after(LOOK_AGAIN, late, "background");
      };
      let wait = this.#deadlines.start(expire);
      found.then(
        (entry) => {
          this.#gets--;
          if (state === "late") return this.#breaker.revived();
          state = "done";
          wait.cancel();
          this.#breaker.succeeded();
          resolve(entry);
        },
        (thrown: unknown) => {
          this.#gets--;
          if (state === "late") return;
          state = "done";
          wait.cancel();
          resolve(this.#failed(thrown, "get"));
        },
      );
    });
  }

  #write(bytes: number, write: () => void | Promise<void>): void | Promise<void> {
    const pass = this.#breaker.admit();
    if (pass === "no") return this.#skipped("open");
    const full = this.#writes >= MOST_WRITES || this.#writeBytes + bytes > MOST_WRITE_BYTES;
    if (pass === "pass" && full && this.#writes > 0) return this.#skipped("busy");
    this.#writes++;
    this.#writeBytes += bytes;
    return this.#settled(bytes, write);
  }

  async #settled(bytes: number, write: () => void | Promise<void>): Promise<void> {
    try {
      await write();
      this.#breaker.succeeded();
    } catch (thrown) {
      this.#failed(thrown, "write");
    } finally {
      this.#writes--;
      this.#writeBytes -= bytes;
    }
  }

  /** A write that the other side refuses says nothing of reading: out of memory, read-only. */
  #failed(thrown: unknown, doing: "get" | "write"): undefined {
    const error = toError(thrown);
    const failure = error instanceof RedisError || error instanceof TierError ? error.failure : "down";
    const probing = this.#breaker.state === "half-open";
    if (failure === "refused" && (doing === "write" || probing)) {
      if (probing) this.#breaker.succeeded();
      return this.#skipped("refused");
    }
    const kind: CallFailure = failure === "timeout" ? "timeout" : "failed";
    this.#breaker.failed(kind, error.message);
    return this.#skipped(failure === "refused" ? "refused" : kind);
  }

  #skipped(reason: Skipped): undefined {
    this.#bus.publish("spillway:cache-skipped", { tier: this.#name, reason });
    return undefined;
  }
}
