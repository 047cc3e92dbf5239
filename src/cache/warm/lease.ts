import type { Clock } from "../../core/clock.ts";
import type { RedisLink, RedisScript } from "../../core/redis.ts";

/** Milliseconds a lease stands without being renewed. */
const LEASE = 15_000;
/** Milliseconds that a task counts as done after its end: a Redis that comes and goes is no reason to do it each time. */
const DONE_FOR = 60_000;
/** Milliseconds between two looks at whether the one who does it has ended, or is gone. */
const LOOK_EVERY = 2_000;
/** Milliseconds that a connection is waited for. */
const CONNECT = 3_000;

const DONE = "done";

const RENEW: RedisScript = {
  name: "renew lease",
  lua: `if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("PEXPIRE", KEYS[1], ARGV[2]) end return 0`,
};

const FINISH: RedisScript = {
  name: "finish lease",
  lua: `if redis.call("GET", KEYS[1]) == ARGV[1] then
  if ARGV[2] == "" then return redis.call("DEL", KEYS[1]) end
  return redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3]) and 1
end
return 0`,
};

/** `alone`: there is nobody to ask, so everyone does it. */
type Claim = "mine" | "theirs" | "done" | "alone";

export interface FleetParts {
  readonly clock: Clock;
  /** The fleet's Redis as of now. Absent: there is none. */
  readonly link: () => { readonly link: RedisLink; readonly prefix: string } | undefined;
  /** A text that no other process has. */
  readonly owner: string;
}

/** Who of all instances does what is to be done once. */
export class Fleet {
  readonly #parts: FleetParts;
  #closed = false;

  constructor(parts: FleetParts) {
    this.#parts = parts;
  }

  /** Whether nobody else has claimed this name in the last `ms`. True where nobody can be asked. */
  async once(name: string, ms: number): Promise<boolean> {
    return (await this.#claim(name, ms)) !== "theirs";
  }

  /**
   * Does `work` here unless another instance does; it resolves to whether the work came to its end. If that instance is
   * gone before, this one does it after all. Resolves once the work is done here, or need not be.
   */
  async share(name: string, work: () => Promise<boolean>): Promise<void> {
    for (let first = true; !this.#closed; first = false) {
      if (!first) await this.#pause(LOOK_EVERY);
      if (this.#closed) return;
      const claim = await this.#claim(name, LEASE);
      if (claim === "done") return;
      if (claim === "theirs") continue;
      if (claim === "alone") await work();
      else await this.#hold(name, work);
      return;
    }
  }

  close(): void {
    this.#closed = true;
  }

  async #claim(name: string, ms: number): Promise<Claim> {
    const fleet = this.#parts.link();
    if (!fleet || !(await this.#isUp(fleet.link))) return "alone";
    const key = keyOf(fleet.prefix, name);
    try {
      const set = await fleet.link.call("SET", key, this.#parts.owner, "NX", "PX", Math.ceil(ms));
      if (set !== null) return "mine";
      const holder = await fleet.link.call("GET", key);
      return Buffer.isBuffer(holder) && String(holder) === DONE ? "done" : "theirs";
    } catch {
      return "alone";
    }
  }

  async #hold(name: string, work: () => Promise<boolean>): Promise<void> {
    const { clock, owner } = this.#parts;
    const script = async (what: RedisScript, ...args: readonly string[]): Promise<void> => {
      const fleet = this.#parts.link();
      if (fleet) await fleet.link.script(what, [keyOf(fleet.prefix, name)], [owner, ...args]).catch(() => {});
    };
    const stop = clock.every(LEASE / 3, () => void script(RENEW, `${LEASE}`));
    try {
      const whole = await work();
      await script(FINISH, whole ? DONE : "", `${DONE_FOR}`);
    } finally {
      stop();
    }
  }

  #isUp(link: RedisLink): Promise<boolean> {
    if (link.state() === "up") return Promise.resolve(true);
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.after(CONNECT, () => over(false), "background");
      const stay = link.onState((state) => {
        if (state === "up") over(true);
      });
      const over = (up: boolean): void => {
        cancel();
        stay();
        resolve(up);
      };
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(ms, resolve, "background"));
  }
}

const keyOf = (prefix: string, name: string): string => `${prefix}:warm:${name}`;
