import { hash } from "node:crypto";
import type { Clock, Random } from "../../core/clock.ts";
import type { EventBus } from "../../core/events.ts";
import { toError } from "../../core/errors.ts";
import { RedisError, type RedisLink, type RedisReply } from "../../core/redis.ts";
import { Breaker } from "../tiers/breaker.ts";
import { ACQUIRE, RELEASE } from "./lease-scripts.ts";

/**
 * How a load with a lease ended. `failed`: the dependency is left alone for a while. `unshared`: what came is for nobody
 * else. `nothing`: it tells nothing.
 */
export type LoadEnd = "filled" | "failed" | "unshared" | "nothing";

/** Milliseconds of a call, when a look may take `deadline`: it comes before a load, which takes longer than either. */
export const leaseDeadline = (deadline: number): number => Math.min(5 * deadline, 500);

/** The right to load something for all instances. */
export interface Lease {
  readonly kind: "won";
  /** Above that of each earlier lease of the same name. */
  readonly fence: number;
  /** The first call counts. Never fails. */
  release(end: LoadEnd): void;
}

export type Acquired =
  | Lease
  /** Another instance has it, for so many milliseconds at most. */
  | { readonly kind: "lost"; readonly forMs: number; readonly fence: number }
  /** The dependency failed another instance; it is left alone for so many milliseconds. */
  | { readonly kind: "quiet"; readonly forMs: number }
  /** Another instance has loaded it since what is known. */
  | { readonly kind: "filled"; readonly fence: number };

export interface LeaseWish {
  readonly name: string;
  /** Milliseconds after which another instance may load it, too. */
  readonly ttl: number;
  /** Whether it may be left for later. */
  readonly heedsQuiet: boolean;
  /** Fence of a lease that was waited for in vain and is to be taken over: one of those who waited gets it. */
  readonly over: number | undefined;
  /** Fence of the newest that is known. */
  readonly known: number;
}

export interface LeaseParts {
  readonly link: RedisLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: EventBus;
  /** Begins every key. */
  readonly prefix: string;
  /** A text that no other instance has made. */
  readonly unique: () => string;
}

/**
 * Who loads what, agreed upon by all instances through Redis. Without it, or while it is slow, each goes by itself:
 * nothing waits for more than the link's deadline, and after that for nothing.
 */
export class Leases {
  readonly #parts: LeaseParts;
  readonly #breaker: Breaker;
  readonly #unsubscribe: () => void;
  /** The tier beside it is in trouble. */
  #troubled = false;

  constructor(parts: LeaseParts) {
    const { link, clock, random, bus } = parts;
    this.#parts = parts;
    this.#breaker = new Breaker(clock, random, (state, reason) =>
      bus.publish("spillway:cache-tier", { tier: "lease", state, reason }),
    );
    this.#unsubscribe = bus.subscribe("spillway:cache-tier", ({ tier, state }) => {
      if (tier === "redis") this.#troubled = state === "open";
    });
    link.onState((state) => {
      if (state === "up") this.#breaker.untried();
    });
  }

  /** Undefined: nobody can tell, or it is free for all; go on as if alone. */
  async acquire({ name, ttl, heedsQuiet, over, known }: LeaseWish): Promise<Acquired | undefined> {
    if (this.#troubled || this.#breaker.admit() === "no") return undefined;
    const { link, unique } = this.#parts;
    const key = this.#key(name);
    const owner = unique();
    let reply: RedisReply;
    try {
      reply = await link.script(ACQUIRE, [key], [owner, Math.ceil(ttl), heedsQuiet ? 1 : 0, over ?? 0, known]);
    } catch (thrown) {
      this.#failed(toError(thrown));
      return undefined;
    }
    this.#breaker.succeeded();
    const [kind, first, second] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
    if (typeof first !== "number") return undefined;
    if (kind === 0) return this.#won(key, owner, first);
    if (kind === 2) return { kind: "quiet", forMs: first };
    if (kind === 4) return { kind: "filled", fence: first };
    return kind === 1 && typeof second === "number" ? { kind: "lost", forMs: first, fence: second } : undefined;
  }

  close(): Promise<void> {
    this.#unsubscribe();
    return this.#parts.link.close();
  }

  #won(key: string, owner: string, fence: number): Lease {
    let held = true;
    const release = (end: LoadEnd): void => {
      if (!held) return;
      held = false;
      const { link, random } = this.#parts;
      const spread = 0.75 + random() / 2;
      // Whatever becomes of it: the lease ends by itself.
      link.script(RELEASE, [key], [owner, end, spread]).catch(() => {});
    };
    return { kind: "won", fence, release };
  }

  #failed(error: Error): void {
    const failure = error instanceof RedisError && error.failure === "timeout" ? "timeout" : "failed";
    this.#breaker.failed(failure, error.message);
  }

  /** Of one length, whatever clients put into a name. */
  #key(name: string): string {
    return `${this.#parts.prefix}:lease:${hash("sha256", name, "base64url").slice(0, 32)}`;
  }
}
