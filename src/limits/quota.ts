import type { Exchange } from "../core/exchange.ts";
import type { LimitReading } from "../core/limits-control.ts";
import type { Soon } from "../core/soon.ts";
import type { Counter, CounterReading, Taken } from "./counter.ts";
import { InFlight } from "./in-flight.ts";
import type { KeyHash } from "./key-hash.ts";
import { compileKey } from "./key-text.ts";
import type { Rule } from "./settings.ts";

/** Milliseconds after which a client with too many requests under way may try again: nobody knows when one ends. */
const SEAT_RETRY = 1000;

export interface QuotaParts {
  readonly hash: KeyHash;
  /** Undefined: the rule has no limit, only a cap on what is under way. */
  readonly counter: Counter | undefined;
  /** Processes of this instance, which share the cap. */
  readonly processes: number;
}

/** One rule in force: its counters, and what it did since the start. */
export class Quota {
  readonly rule: Rule;
  readonly keyOf: (exchange: Exchange) => string;
  readonly #counter: Counter | undefined;
  readonly #seats: InFlight | undefined;
  /** Seats of one key in this process. */
  readonly #most: number;
  checked = 0;
  /** Refused or, in shadow mode, what would have been. */
  refused = 0;

  constructor(rule: Rule, { hash, counter, processes }: QuotaParts) {
    this.rule = rule;
    this.keyOf = compileKey(rule.by);
    this.#counter = counter;
    this.#seats = rule.concurrent === undefined ? undefined : new InFlight(hash);
    this.#most = Math.ceil((rule.concurrent ?? 0) / processes);
  }

  /** Whether requests hold a seat. */
  get seated(): boolean {
    return this.#seats !== undefined;
  }

  /** Whether there is a seat for one more of this key; it has to be left once. */
  enter(key: string): boolean {
    return this.#seats?.enter(key, this.#most) ?? true;
  }

  leave(key: string): void {
    this.#seats?.leave(key);
  }

  /** One request of a key; undefined where only seats count. */
  take(key: string): Soon<Taken> | undefined {
    return this.#counter?.take(key);
  }

  reading(): LimitReading {
    const { name, by, limit, window, algorithm, concurrent, mode } = this.rule;
    const none: CounterReading = { keys: 0, slots: 0, bytes: 0 };
    return {
      rule: name,
      mode: mode === "shadow" ? "shadow" : "enforce",
      by: [by].flat().map((part) => (typeof part === "string" ? part : `header ${part.header}`)),
      limit,
      windowMs: window,
      algorithm: limit === undefined ? undefined : algorithm,
      concurrent,
      inFlightKeys: this.#seats?.keys ?? 0,
      checked: this.checked,
      refused: this.refused,
      ...(this.#counter?.reading() ?? none),
    };
  }
}

/** A refusal for want of a seat, as a counter would have told it. */
export const NO_SEAT: Taken = { ok: false, remaining: 0, resetMs: 0, retryMs: SEAT_RETRY };
