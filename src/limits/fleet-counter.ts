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
/** All processes together let this part of a limit through, a window, before Redis hears of a key. */
const UNASKED_PART = 1 / 20;
/** In place of what is left: nothing, until the slot ends. */
const NOTHING = -1;
/** In place of what is left: Redis has not heard of the key, and what is in hand is what it owes. */
const UNASKED = -2;
/** Of slots that may give way, by what is lost: who is unknown to Redis goes before who is known, by what it has used. */
const KNOWN = 0.5;
/** Milliseconds after which a client may try again whose rule lets nobody through without Redis. */
const CLOSED_RETRY = 1000;

/** A call under way, and requests that wait for what it brings. */
interface Renewal {
  /** How many it brought. */
  readonly done: Promise<number>;
  waiting: number;
}

/**
 * Counts in Redis for all instances. Unless it is to be exact, the first few requests of a key in a window pass without
 * Redis, and are counted there with the next one: who asks once and never again, such as a million made-up addresses,
 * costs Redis nothing. Then several requests are taken in advance and pass without asking. So all processes together let
 * through no more than the limit and what those owe that never had to ask, a twentieth of it. A key that has nothing left
 * is refused here until its window ends. In a slot: requests in hand, when they end, and what was left beside them.
 */
export class FleetCounter implements Counter {
  readonly #parts: FleetCounterParts;
  readonly #table: KeyTable;
  readonly #renewals = new Map<string, Renewal>();

  constructor(parts: FleetCounterParts) {
    this.#parts = parts;
    const { limit, window, burst } = parts.quantity;
    this.#table = new KeyTable(parts.rule.keys, parts.hash, ({ first, second, third }) => (slot, now) => {
      const end = second[slot]!;
      if (third[slot] === UNASKED) return end <= now ? -1 : first[slot]! / limit;
      if (end > now) return third[slot] === NOTHING ? 1 : KNOWN;
      // Who has just used a bucket is not unknown because its lease is over.
      return burst !== undefined && end > 0 && end + window > now ? KNOWN : -1;
    });
  }

  get #isFixed(): boolean {
    return this.#parts.quantity.burst === undefined;
  }

  take(key: string): Soon<Taken> {
    const held = this.#fromHand(key);
    if (held) return held;
    if (!this.#parts.fleet.found) return this.#without(key);
    if (this.#parts.rule.exact) return this.#one(key);
    return this.#unasked(key) ?? this.#renewed(key);
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
    if (leftMs <= 0 || third[slot] === UNASKED) return undefined;
    const isUsedUp = third[slot] === NOTHING || (first[slot]! < 1 && third[slot] === 0 && this.#isFixed);
    if (isUsedUp) return { ok: false, remaining: 0, resetMs: this.#resetOf(0, leftMs), retryMs: leftMs };
    if (first[slot]! < 1) return undefined;
    first[slot]! -= 1;
    this.#note(key);
    const remaining = first[slot]! + third[slot]!;
    return { ok: true, remaining, resetMs: this.#resetOf(remaining, leftMs), retryMs: 0 };
  }

  /** One of the few that pass before Redis hears of a key; undefined: it has to be asked. */
  #unasked(key: string): Taken | undefined {
    const { quantity, fleet, clock } = this.#parts;
    const { limit, window, burst = limit } = quantity;
    const most = Math.floor((Math.min(limit, burst) * UNASKED_PART) / fleet.processes);
    if (most < 1) return undefined;
    const now = clock.now();
    const { first, second, third } = this.#table;
    let slot = this.#table.find(key);
    if (slot < 0 || (second[slot]! <= now && (this.#isFixed || third[slot] === UNASKED))) {
      slot = this.#table.claim(key, now);
      first[slot] = 0;
      second[slot] = now + window;
      third[slot] = UNASKED;
    }
    if (third[slot] !== UNASKED || first[slot]! >= most) return undefined;
    first[slot]! += 1;
    const remaining = burst - first[slot]!;
    const resetMs = this.#resetOf(remaining, second[slot]! - now);
    this.#note(key);
    return { ok: true, remaining, resetMs, retryMs: 0 };
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
    const isUnasked = old >= 0 && third[old] === UNASKED;
    // While the call is under way, what is owed stays, so that no more is owed.
    const owed = isUnasked && stands ? first[old]! : 0;
    const back = old >= 0 && !stands && !isUnasked ? first[old]! : 0;
    const left = stands && !isUnasked ? third[old]! : undefined;
    if (old >= 0 && !isUnasked) first[old] = 0;
    try {
      const reply = await store.take(key, this.#want(left, hint) + owed, back);
      const granted = Math.max(0, reply.granted - owed);
      const now = clock.now();
      const slot = this.#table.claim(key, now);
      first[slot] = granted;
      second[slot] = granted > 0 ? this.#endOf(sentAt, now, reply.resetMs) : now + reply.retryMs;
      third[slot] = granted > 0 ? reply.remaining : NOTHING;
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
