/**
 * Connections to one PostgreSQL. Nothing is queued for later: a statement has a connection within {@link LONGEST_WAIT} or
 * fails. While there is none, one attempt after the other is made on its own, so that it is there again without anybody
 * asking.
 */
import type { Client, QueryArrayConfig } from "pg";
import type { Attempts, Turns } from "../../core/attempts.ts";
import type { Cancel, Clock } from "../../core/clock.ts";
import { toError } from "../../core/errors.ts";
import { containReplies } from "./replies.ts";

export interface PoolParts {
  readonly clock: Clock;
  /** Of all pools that have this server. */
  readonly attempts: Attempts;
  readonly url: string;
  /** Connections at most. */
  readonly most: number;
  /** Milliseconds; the server ends a statement then. */
  readonly statementTimeout: number;
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
/** Connections of a pool that are tried anew when there is none, each in its turn. */
const MOST_TURNS = 2;
/** Attempts under way at a time while there is no connection: as many as start before the first is given up. */
const MOST_ATTEMPTS = 4;
/** Milliseconds without another attempt at one more connection when one has failed. */
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
  readonly #turns: readonly Turns[];
  #connecting = 0;
  /** `resting`: an attempt has failed, and `#rested` will end that. */
  #growth: "free" | "resting" | "closed" = "free";
  #rested: Cancel = () => {};
  #failure = new Error("not connected yet");

  constructor(parts: PoolParts) {
    this.#parts = parts;
    this.#stopTrimming = parts.clock.every(LONGEST_IDLE / 2, () => this.#trim());
    const turns = Math.min(parts.most, MOST_TURNS);
    this.#turns = Array.from({ length: turns }, () => parts.attempts.join(() => this.#attempt()));
    this.#turns[0]!.start();
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
    this.#rested();
    for (const turn of this.#turns) turn.leave();
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

  /** One more connection beside those that stand, unless there are enough or one has just failed. */
  #grow(): void {
    const lanes = this.#lanes.size;
    const enough = lanes === 0 || lanes + this.#connecting >= this.#parts.most;
    if (this.#growth === "free" && !enough) this.#open();
  }

  /** A first connection. One of which nothing is heard does not hold up the next. */
  #attempt(): void {
    if (this.#lanes.size > 0) return;
    for (const turn of this.#turns) turn.plan();
    if (this.#connecting < MOST_ATTEMPTS) this.#open();
  }

  #open(): void {
    this.#connecting += 1;
    void this.#connect().then(
      (lane) => {
        this.#connecting -= 1;
        if (this.#growth === "closed" || this.#lanes.size >= this.#parts.most) return this.#drop(lane, "politely");
        if (lane.dead) return this.#refused(new Error("the connection was lost at once"));
        if (this.#lanes.add(lane).size === 1) this.#stands();
        this.#give(lane);
        if (this.#waiting.length > 0) this.#grow();
      },
      (thrown: unknown) => {
        this.#connecting -= 1;
        this.#refused(toError(thrown));
      },
    );
  }

  #stands(): void {
    this.#growth = "free";
    this.#rested();
    for (const turn of this.#turns) turn.cancel();
    this.#turns[0]!.succeeded();
    this.#parts.connected?.();
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
    if (this.#lanes.size + this.#connecting === 0) return this.#failAll(error);
    if (this.#growth === "resting") return;
    this.#growth = "resting";
    this.#rested = this.#parts.clock.after(REST, () => void (this.#growth = "free"), "background");
  }

  /** A connection that stood is gone; the first attempt at another one is made soon, unless one was just made. */
  #lost(lane: Lane, error: Error): void {
    lane.dead = true;
    if (!this.#lanes.delete(lane)) return;
    const at = this.#idle.indexOf(lane);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#failure = error;
    if (this.#growth === "closed") return;
    if (this.#lanes.size === 0) for (const turn of this.#turns) turn.plan(true);
    else if (this.#waiting.length > 0) this.#grow();
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
