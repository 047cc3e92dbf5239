/**
 * Connections to one PostgreSQL. Nothing is queued for later: a statement has a connection within {@link LONGEST_WAIT} or
 * fails. While there is none, one attempt after the other is made on its own, so that it is there again without anybody
 * asking.
 */
import type { Client, QueryArrayConfig } from "pg";
import type { Cancel, Clock, Random } from "../../core/clock.ts";
import { toError } from "../../core/errors.ts";
import { containReplies } from "./replies.ts";

export interface PoolParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly url: string;
  /** Connections at most. */
  readonly most: number;
  /** Milliseconds; the server ends a statement then. */
  readonly statementTimeout: number;
  /** Attempts are made only while this one has a connection: so both together keep the pace of one. Default: always. */
  readonly behind?: Pool;
  /** Called when there is a connection after there was none. */
  readonly connected?: (() => void) | undefined;
}

export interface Statement {
  readonly text: string;
  /** Prepared once a connection; absent: sent whole, and may be several without values. */
  readonly name?: string;
}

type Row = readonly unknown[];

interface Lane {
  readonly client: Client;
  idleSince: number;
  dead: boolean;
}

interface Waiter {
  readonly take: (lane: Lane) => void;
  readonly fail: (error: Error) => void;
  readonly cancel: Cancel;
}

/** Milliseconds that a statement waits for a connection. */
const LONGEST_WAIT = 50;
/** Milliseconds for a connection to stand, TLS and password included. */
const CONNECT_TIMEOUT = 1500;
/** Attempts under way at a time while there is no connection: as many as start before the first is given up. */
const MOST_ATTEMPTS = 2;
/** Milliseconds, and up to a fifth more, from one attempt at a connection to the next while there is none. */
const REST = 1000;
/** Milliseconds that the server's own statement timeout may be late before the connection is taken for dead. */
const GRACE = 100;
/** Milliseconds unused, after which a connection is closed; one stays. */
const LONGEST_IDLE = 60_000;
/** Milliseconds for a polite end. */
const LAST_WORDS = 250;

export class Pool {
  readonly #parts: PoolParts;
  /** The last used at the end. */
  readonly #idle: Lane[] = [];
  readonly #lanes = new Set<Lane>();
  readonly #waiting: Waiter[] = [];
  readonly #stopTrimming: Cancel;
  #connecting = 0;
  /** `resting`: an attempt has failed, and the next one is `#again`. */
  #growth: "free" | "resting" | "closed" = "free";
  #again: Cancel | undefined;
  #failure = new Error("not connected yet");

  constructor(parts: PoolParts) {
    this.#parts = parts;
    this.#stopTrimming = parts.clock.every(LONGEST_IDLE / 2, () => this.#trim());
    this.#grow();
  }

  get isUp(): boolean {
    return this.#lanes.size > 0;
  }

  /** Rows of the statement, the last one of several. Rejects within the wait and the statement timeout, whatever happens. */
  async run(statement: Statement, values: unknown[] = []): Promise<readonly Row[]> {
    const lane = this.#idle.pop() ?? (await this.#wait());
    const { clock, statementTimeout } = this.#parts;
    const late = clock.after(statementTimeout + GRACE, () => this.#drop(lane, "now"), "background");
    const query: QueryArrayConfig = { ...statement, rowMode: "array" };
    try {
      const result = await lane.client.query(values.length > 0 ? { ...query, values } : query);
      return result.rows ?? [];
    } finally {
      late();
      if (!lane.dead) this.#give(lane);
    }
  }

  close(): void {
    this.#growth = "closed";
    this.#again?.();
    this.#stopTrimming();
    this.#failAll(new Error("closed"));
    this.#idle.length = 0;
    for (const lane of this.#lanes) this.#drop(lane, "politely");
  }

  #wait(): Promise<Lane> {
    this.#grow();
    return new Promise((resolve, reject) => {
      if (this.#lanes.size + this.#connecting === 0) return reject(this.#failure);
      const waiter: Waiter = {
        take: resolve,
        fail: reject,
        cancel: this.#parts.clock.after(LONGEST_WAIT, () => {
          this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
          reject(new Error(`no connection was free within ${LONGEST_WAIT} ms`));
        }),
      };
      this.#waiting.push(waiter);
    });
  }

  #give(lane: Lane): void {
    const waiter = this.#waiting.shift();
    if (waiter) {
      waiter.cancel();
      return waiter.take(lane);
    }
    lane.idleSince = this.#parts.clock.now();
    this.#idle.push(lane);
  }

  #failAll(error: Error): void {
    for (const { cancel, fail } of this.#waiting.splice(0)) {
      cancel();
      fail(error);
    }
  }

  /** One more connection, unless there are enough or one has just failed. Without any, `attempts` at a time. */
  #grow(attempts = 1): void {
    const lanes = this.#lanes.size;
    const enough = lanes === 0 ? this.#connecting >= attempts : lanes + this.#connecting >= this.#parts.most;
    if (this.#growth !== "free" || enough || this.#parts.behind?.isUp === false) return;
    this.#connecting += 1;
    // One of which nothing is heard does not hold up the next.
    if (lanes === 0) this.#tryAgain();
    void this.#connect().then(
      (lane) => {
        this.#connecting -= 1;
        if (this.#growth === "closed" || this.#lanes.size >= this.#parts.most) return this.#drop(lane, "politely");
        if (lane.dead) return this.#refused(new Error("the connection was lost at once"));
        if (this.#lanes.add(lane).size === 1) this.#parts.connected?.();
        this.#give(lane);
        if (this.#waiting.length > 0) this.#grow();
      },
      (thrown: unknown) => {
        this.#connecting -= 1;
        this.#refused(toError(thrown));
      },
    );
  }

  async #connect(): Promise<Lane> {
    const { url, statementTimeout, clock } = this.#parts;
    const { default: pg } = await import("pg");
    const client = new pg.Client({
      connectionString: url,
      application_name: "spillway-cache",
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      statement_timeout: statementTimeout,
      idle_in_transaction_session_timeout: statementTimeout,
      keepAlive: true,
    });
    containReplies(client);
    const lane: Lane = { client, idleSince: clock.now(), dead: false };
    client.on("error", (error) => this.#lost(lane, error));
    client.on("end", () => this.#lost(lane, new Error("the connection ended")));
    try {
      await client.connect();
    } catch (thrown) {
      client.connection.stream.destroy();
      throw thrown;
    }
    return lane;
  }

  #refused(error: Error): void {
    this.#failure = error;
    if (this.#growth === "closed") return;
    this.#growth = "resting";
    this.#tryAgain();
    if (this.#lanes.size + this.#connecting === 0) this.#failAll(error);
  }

  #tryAgain(): void {
    if (this.#again) return;
    const { clock, random } = this.#parts;
    const again = (): void => {
      this.#again = undefined;
      this.#growth = "free";
      if (this.#lanes.size === 0) this.#grow(MOST_ATTEMPTS);
    };
    this.#again = clock.after(REST * (1 + 0.2 * random()), again, "background");
  }

  /** A connection that stood is gone; the first attempt at another one is made at once, unless one was just made. */
  #lost(lane: Lane, error: Error): void {
    lane.dead = true;
    if (!this.#lanes.delete(lane)) return;
    const at = this.#idle.indexOf(lane);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#failure = error;
    if (this.#lanes.size === 0 && this.#again && this.#growth === "free") this.#growth = "resting";
    if (this.#lanes.size === 0 || this.#waiting.length > 0) this.#grow();
  }

  #drop(lane: Lane, how: "now" | "politely"): void {
    const cut = (): void => void lane.client.connection.stream.destroy();
    if (how === "now") cut();
    else {
      const cancel = this.#parts.clock.after(LAST_WORDS, cut, "background");
      void lane.client.end().then(cancel, cut);
    }
    this.#lost(lane, new Error("no reply in time"));
  }

  #trim(): void {
    const { clock } = this.#parts;
    while (this.#lanes.size > 1 && this.#idle[0] && clock.now() - this.#idle[0].idleSince >= LONGEST_IDLE) {
      this.#drop(this.#idle[0], "politely");
    }
  }
}
