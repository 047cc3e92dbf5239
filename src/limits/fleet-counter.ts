import type { Clock } from "../core/clock.ts";
import type { Soon } from "../core/soon.ts";
import type { Counter, CounterReading, LocalCounter, Quantity, Taken } from "./counter.ts";
import type { Fleet } from "./fleet.ts";
import type { KeyHash } from "./key-hash.ts";
import { KeyTable } from "./key-table.ts";
import type { RedisStore } from "./redis-store.ts";
import type { Rule } from "./settings.ts";

export interface FleetCounterParts {
  readonly clock: Clock;
  readonly hash: KeyHash;
  readonly fleet: Pick<Fleet, "found" | "processes" | "failed">;
  readonly store: RedisStore;
  /** Counts while Redis cannot be asked, and is told of what passed before. */
  readonly local: LocalCounter;
  readonly quantity: Quantity;
  readonly rule: Pick<Rule, "exact" | "fail" | "keys">;
}

/** A process takes this part of what is left in advance, divided by the number of processes. */
const LEASE_PART = 1 / 4;
/** Of a bucket, tokens taken in advance are used within this part of its window, a second at most, or given back. */
const LEASE_TIME = 1 / 20;
const LONGEST_LEASE = 1000;
/** Times that one request takes part in a call before it is counted here. */
const ROUNDS = 3;
/** In place of what is left: nothing, until the slot ends. */
const NOTHING = -1;
/** Milliseconds after which a client may try again whose rule lets nobody through without Redis. */
const CLOSED_RETRY = 1000;

/** A call under way, and requests that wait for what it brings. */
interface Renewal {
  /** How many it brought. */
  readonly done: Promise<number>;
  waiting: number;
}

/**
 * Counts in Redis for all instances. Unless it is to be exact, it takes several requests of a key in advance and passes
 * them without asking: what is used has been counted before, so that all together never pass more than the limit. A key
 * that has nothing left is refused here until its window ends. In a slot: requests in hand, when they end, and what was
 * left beside them.
 */
export class FleetCounter implements Counter {
  readonly #parts: FleetCounterParts;
  readonly #table: KeyTable;
  readonly #renewals = new Map<string, Renewal>();

  constructor(parts: FleetCounterParts) {
    this.#parts = parts;
    this.#table = new KeyTable(parts.rule.keys, parts.hash, ({ second, third }) => (slot, now) => {
      return second[slot]! <= now ? -1 : third[slot] === NOTHING ? 1 : 0;
    });
  }

  get #isFixed(): boolean {
    return this.#parts.quantity.burst === undefined;
  }

  take(key: string): Soon<Taken> {
    const held = this.#fromHand(key);
    if (held) return held;
    if (!this.#parts.fleet.found) return this.#without(key);
    return this.#parts.rule.exact ? this.#one(key) : this.#renewed(key);
  }

  reading(): CounterReading {
    const local = this.#parts.local.reading();
    const keys = this.#table.inUse(this.#parts.clock.now());
    return {
      keys: Math.max(keys, local.keys),
      slots: this.#table.slots,
      bytes: this.#table.bytes + local.bytes,
    };
  }

  /** By what this process knows; undefined: it has to ask. */
  #fromHand(key: string): Taken | undefined {
    const slot = this.#table.find(key);
    if (slot < 0) return undefined;
    const { first, second, third } = this.#table;
    const leftMs = second[slot]! - this.#parts.clock.now();
    if (leftMs <= 0) return undefined;
    const isUsedUp = third[slot] === NOTHING || (first[slot]! < 1 && third[slot] === 0 && this.#isFixed);
    if (isUsedUp) return { ok: false, remaining: 0, resetMs: this.#resetOf(0, leftMs), retryMs: leftMs };
    if (first[slot]! < 1) return undefined;
    first[slot]! -= 1;
    this.#note(key);
    const remaining = first[slot]! + third[slot]!;
    return { ok: true, remaining, resetMs: this.#resetOf(remaining, leftMs), retryMs: 0 };
  }

  /** A window ends when what is in hand does; a bucket is full when what is used has come back. */
  #resetOf(remaining: number, leftMs: number): number {
    const { limit, window, burst } = this.#parts.quantity;
    return burst === undefined ? leftMs : ((burst - remaining) * window) / limit;
  }

  async #renewed(key: string): Promise<Taken> {
    let hint = 1;
    for (let round = 0; round < ROUNDS && this.#parts.fleet.found; round++) {
      let renewal = this.#renewals.get(key);
      if (renewal) renewal.waiting++;
      else {
        renewal = { done: this.#renew(key, hint), waiting: 1 };
        this.#renewals.set(key, renewal);
      }
      const brought = await renewal.done;
      const held = this.#fromHand(key);
      if (held) return held;
      hint = renewal.waiting - brought;
    }
    return this.#parts.fleet.found ? this.#one(key) : this.#without(key);
  }

  /** `hint`: requests that wait. Gives how many may pass. */
  async #renew(key: string, hint: number): Promise<number> {
    const { clock, store, fleet } = this.#parts;
    const { first, second, third } = this.#table;
    const sentAt = clock.now();
    const old = this.#table.find(key);
    const stands = old >= 0 && second[old]! > sentAt;
    const back = old >= 0 && !stands ? first[old]! : 0;
    if (old >= 0) first[old] = 0;
    try {
      const { granted, remaining, retryMs, resetMs } = await store.take(
        key,
        this.#want(stands ? third[old]! : undefined, hint),
        back,
      );
      const now = clock.now();
      const slot = this.#table.claim(key, now);
      first[slot] = granted;
      second[slot] = granted > 0 ? this.#endOf(sentAt, now, resetMs) : now + retryMs;
      third[slot] = granted > 0 ? remaining : NOTHING;
      return granted;
    } catch {
      fleet.failed();
      return 0;
    } finally {
      this.#renewals.delete(key);
    }
  }

  /** `left`: what was left when it was asked last, if that still says anything. */
  #want(left: number | undefined, hint: number): number {
    const { quantity, fleet } = this.#parts;
    const { limit, burst = limit } = quantity;
    return Math.max(1, hint, Math.floor(((left ?? burst) * LEASE_PART) / fleet.processes));
  }

  /** What was taken from a window is void with it; the reply was on its way for a while. */
  #endOf(sentAt: number, now: number, resetMs: number): number {
    const { window, burst } = this.#parts.quantity;
    return burst === undefined ? sentAt + resetMs : now + Math.min(window * LEASE_TIME, LONGEST_LEASE);
  }

  async #one(key: string): Promise<Taken> {
    const { clock, store, fleet } = this.#parts;
    try {
      const { granted, remaining, retryMs, resetMs } = await store.take(key, 1, 0);
      if (granted > 0) {
        this.#note(key);
        return { ok: true, remaining, resetMs, retryMs: 0 };
      }
      const now = clock.now();
      const slot = this.#table.claim(key, now);
      this.#table.first[slot] = 0;
      this.#table.second[slot] = now + retryMs;
      this.#table.third[slot] = NOTHING;
      return { ok: false, remaining: 0, resetMs, retryMs };
    } catch {
      fleet.failed();
      return this.#without(key);
    }
  }

  /** What this process has let through counts for its share, should Redis be lost. */
  #note(key: string): void {
    if (this.#parts.rule.fail === "local") this.#parts.local.note(key);
  }

  /** As the rule says for the time without Redis. */
  #without(key: string): Soon<Taken> {
    const { local, rule, quantity } = this.#parts;
    switch (rule.fail) {
      case "local":
        return local.take(key);
      case "open":
        return { ok: true, remaining: quantity.limit, resetMs: 0, retryMs: 0 };
      case "closed":
        return { ok: false, remaining: 0, resetMs: CLOSED_RETRY, retryMs: CLOSED_RETRY };
    }
  }
}
