import { createHash, createHmac } from "node:crypto";
import { createHexSource, type Cancel, type Clock } from "../core/clock.ts";
import type { Redis, RedisLink } from "../core/redis.ts";
import { SAY_PRESENT } from "./redis-scripts.ts";

/** Milliseconds between two looks at who is there, and after a call that came to nothing. */
const LOOK_EVERY = 1000;
const LOOK_AGAIN = 250;
/** Milliseconds without a sign of life after which a process shares no limits any more. */
const GONE_AFTER = 5000;
/** Characters of a hashed key: 128 bits. */
const HASH_LENGTH = 22;

export interface FleetParts {
  readonly clock: Clock;
  readonly redis: Redis;
  /** Begins every key. */
  readonly prefix: string;
  /** Milliseconds that a request waits for it. */
  readonly deadline: number;
  /** Keys are hashed with it, so that who reads Redis cannot try out API keys. Undefined: with nothing. */
  readonly secret: string | undefined;
  /** Processes of this instance. */
  readonly processes: number;
}

/**
 * The Redis that all instances count in. One call that comes to nothing is enough for none to be made, until a look from
 * the background comes back: a Redis that hangs costs a request one deadline, and the next ones nothing.
 */
export class Fleet {
  readonly link: RedisLink;
  readonly #parts: FleetParts;
  readonly #id = createHexSource(8, 8)();
  readonly #stop: Cancel[];
  #again: Cancel | undefined;
  #state: "lost" | "found" | "closed" = "lost";
  #looking = false;
  #processes: number;

  constructor(parts: FleetParts) {
    const { clock, redis, deadline, processes } = parts;
    this.#parts = parts;
    this.#processes = processes;
    this.link = redis.link("quota", deadline);
    this.#stop = [
      clock.every(LOOK_EVERY, () => void this.#look()),
      this.link.onState((state) => (state === "up" ? void this.#look() : this.failed())),
    ];
    void this.#look();
  }

  /** Whether it may be asked. */
  get found(): boolean {
    return this.#state === "found";
  }

  /** Processes that share the limits, as far as was known last. */
  get processes(): number {
    return Math.max(this.#processes, this.#parts.processes);
  }

  /** A call came to nothing. */
  failed(): void {
    if (this.#state === "closed") return;
    this.#state = "lost";
    this.#again ??= this.#parts.clock.after(LOOK_AGAIN, () => void this.#look(), "background");
  }

  /** The name of a counter: of the key, a hash. */
  nameOf(kind: "window" | "bucket", rule: string, key: string): string {
    const { prefix, secret } = this.#parts;
    const hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret);
    return `${prefix}:quota:${kind}:${rule}:${hash.update(key).digest("base64url").slice(0, HASH_LENGTH)}`;
  }

  async close(): Promise<void> {
    this.#state = "closed";
    for (const stop of this.#stop) stop();
    this.#again?.();
    await this.link.call("ZREM", this.#present, this.#id).catch(() => undefined);
    await this.link.close();
  }

  get #present(): string {
    return `${this.#parts.prefix}:quota:processes`;
  }

  async #look(): Promise<void> {
    this.#again?.();
    this.#again = undefined;
    if (this.#looking || this.#state === "closed") return;
    this.#looking = true;
    try {
      this.#processes = Number(await this.link.script(SAY_PRESENT, [this.#present], [this.#id, GONE_AFTER]));
      if (this.#state === "lost") this.#state = "found";
    } catch {
      this.failed();
    } finally {
      this.#looking = false;
    }
  }
}
