import type { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { RedisReply, RedisScript } from "../core/redis.ts";
import type { Quantity } from "./counter.ts";
import type { Fleet } from "./fleet.ts";
import { TAKE_TOKENS } from "./redis-scripts.ts";

/** What Redis says to several requests of a key. Milliseconds. */
export interface Granted {
  /** How many of them may pass. */
  readonly granted: number;
  readonly remaining: number;
  /** Until one more may, and until all of the quota is back. */
  readonly retryMs: number;
  readonly resetMs: number;
}

/** Counters of one rule in Redis. */
export interface RedisStore {
  /** Up to `want` requests of a key; `back`: so many that were granted before were not used. Rejects when it cannot be asked. */
  take(key: string, want: number, back: number): Promise<Granted>;
}

export const createRedisStore = (rule: string, quantity: Quantity, fleet: Fleet): RedisStore =>
  quantity.burst === undefined
    ? new RedisWindow(rule, quantity, fleet)
    : new RedisBucket(rule, { ...quantity, burst: quantity.burst }, fleet);

/**
 * Fixed windows of rate-limiter-flexible, over our own way to Redis with its deadline. Of that package neither the memory
 * limiter nor the block in memory is used: both keep a record of every key that ever comes, the one with a timer each, and
 * its insurance would hide from us that Redis is lost.
 */
class RedisWindow implements RedisStore {
  readonly #rule: string;
  readonly #limit: number;
  readonly #fleet: Fleet;
  readonly #limiter: Promise<RateLimiterRedis>;

  constructor(rule: string, { limit, window }: Quantity, fleet: Fleet) {
    this.#rule = rule;
    this.#limit = limit;
    this.#fleet = fleet;
    this.#limiter = openWindow(fleet, limit, window);
    // Told to whoever takes.
    this.#limiter.catch(() => undefined);
  }

  async take(key: string, want: number): Promise<Granted> {
    const limiter = await this.#limiter;
    const name = this.#fleet.nameOf("window", this.#rule, key);
    const { consumedPoints, msBeforeNext } = await limiter.consume(name, want).catch(toResult);
    const used = consumedPoints - want;
    const granted = Math.max(0, Math.min(want, this.#limit - used));
    const resetMs = Math.max(1, msBeforeNext);
    const remaining = Math.max(0, this.#limit - consumedPoints);
    return { granted, remaining, resetMs, retryMs: remaining > 0 ? 0 : resetMs };
  }
}

/** It rejects with what is no error when the limit is used up. */
function toResult(thrown: unknown): RateLimiterRes {
  if (typeof thrown === "object" && thrown !== null && "consumedPoints" in thrown) return thrown as RateLimiterRes;
  throw thrown;
}

/** Loaded only where it is needed. */
async function openWindow({ link }: Fleet, limit: number, window: number): Promise<RateLimiterRedis> {
  const { RateLimiterRedis } = await import("rate-limiter-flexible");
  let script: RedisScript | undefined;
  // As much of a client as it uses: it brings a Lua script and calls that.
  const storeClient = {
    defineCommand: (name: string, { lua }: { lua: string }): void => void (script = { name, lua }),
    rlflxIncr: ([key, ...args]: string[]): Promise<RedisReply> => link.script(script!, [key!], args),
  };
  return new RateLimiterRedis({ storeClient, points: limit, duration: window / 1000, keyPrefix: "" });
}

/** Token buckets by a script of our own. */
class RedisBucket implements RedisStore {
  readonly #rule: string;
  /** Microseconds. */
  readonly #interval: number;
  readonly #burst: number;
  readonly #fleet: Fleet;

  constructor(rule: string, { limit, window, burst }: Quantity & { readonly burst: number }, fleet: Fleet) {
    this.#rule = rule;
    this.#interval = (window * 1000) / limit;
    this.#burst = burst;
    this.#fleet = fleet;
  }

  async take(key: string, want: number, back: number): Promise<Granted> {
    const name = this.#fleet.nameOf("bucket", this.#rule, key);
    const reply = await this.#fleet.link.script(TAKE_TOKENS, [name], [this.#interval, this.#burst, want, back]);
    const [granted = 0, remaining = 0, retry = 0, reset = 0] = (reply as readonly RedisReply[]).map(Number);
    return { granted, remaining, retryMs: retry / 1000, resetMs: reset / 1000 };
  }
}
