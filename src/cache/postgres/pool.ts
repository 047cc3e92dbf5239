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
const CONNECT_TIMEOUT = 2000;
/** Milliseconds, give or take a fifth, from a connection that failed to the next attempt. */
const REST = 500;
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
  #growth: { kind: "free" } | { kind: "resting"; cancel: Cancel } | { kind: "closed" } = { kind: "free" };
  #failure = new Error("not connected yet");

  constructor(parts: PoolParts) {
    this.#parts = parts;
    this.#stopTrimming = parts.clock.every(LONGEST_IDLE / 2, () => this.#trim());
    this.#grow();
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
    if (this.#growth.kind === "resting") this.#growth.cancel();
    this.#growth = { kind: "closed" };
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

  /** One more connection, unless there are enough or one has just failed. */
  #grow(): void {
    if (this.#growth.kind !== "free" || this.#lanes.size + this.#connecting >= this.#parts.most) return;
    this.#connecting += 1;
    void this.#connect().then(
      (lane) => {
        this.#connecting -= 1;
        if (this.#growth.kind === "closed") return this.#drop(lane, "politely");
        this.#give(lane);
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
    if (!lane.dead) this.#lanes.add(lane);
    return lane;
  }

  #refused(error: Error): void {
    this.#failure = error;
    if (this.#growth.kind !== "free") return;
    const { clock, random } = this.#parts;
    const pause = REST * (0.8 + 0.4 * random());
    const again = (): void => {
      this.#growth = { kind: "free" };
      if (this.#lanes.size === 0) this.#grow();
    };
    this.#growth = { kind: "resting", cancel: clock.after(pause, again, "background") };
    if (this.#lanes.size === 0) this.#failAll(error);
  }

  /** A connection that stood is gone; the first attempt at another one is made at once. */
  #lost(lane: Lane, error: Error): void {
    lane.dead = true;
    if (!this.#lanes.delete(lane)) return;
    const at = this.#idle.indexOf(lane);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#failure = error;
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
