import { createHash } from "node:crypto";
import type { Cancel, Clock } from "../core/clock.ts";
import { toError } from "../core/errors.ts";
import {
  RedisError,
  type RedisArgument,
  type RedisLink,
  type RedisReply,
  type RedisScript,
  type RedisState,
} from "../core/redis.ts";
import { Timeouts } from "../core/timeouts.ts";
import type { RedisClient } from "./redis-client.ts";
import type { RedisConnection } from "./redis-connection.ts";

/** Replies that may be due at a time; a call beyond them fails at once. Those that are late count until they come. */
const MOST_DUE = 10_000;
/**
 * Milliseconds after a deadline: when it was we who were late, the reply may lie in the socket, which is read only after
 * the timers that are due.
 */
const LOOK_AGAIN = 1;
/** Milliseconds between two signs of life of a connection that only listens. */
const PING_EVERY = 5000;

export interface LinkParts {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly deadline: number;
  /** Opens a connection that tells of its changes. `suffix` to the role, for its name. */
  readonly connect: (suffix: string, onChange: (state: RedisState) => void) => RedisConnection;
  readonly closed: () => void;
}

/** One role's way to Redis. */
export class Link implements RedisLink {
  readonly #parts: LinkParts;
  readonly #deadlines: Timeouts;
  readonly #connection: RedisConnection;
  readonly #listeners = new Set<(state: RedisState) => void>();
  readonly #digests = new Map<RedisScript, string>();
  readonly #subscriptions: Subscriptions;
  /** Replies that are due. */
  #due = 0;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#deadlines = new Timeouts(parts.clock, parts.deadline);
    this.#connection = parts.connect("", (state) => {
      for (const listener of this.#listeners) listener(state);
    });
    this.#subscriptions = new Subscriptions(parts);
  }

  state(): RedisState {
    return this.#connection.client ? "up" : "down";
  }

  onState(listener: (state: RedisState) => void): Cancel {
    const own = (state: RedisState): void => listener(state);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  call(command: string, ...args: readonly RedisArgument[]): Promise<RedisReply> {
    const client = this.#connection.client;
    if (!client) return Promise.reject(new RedisError("down", "there is no connection to Redis"));
    if (this.#due >= MOST_DUE) {
      return Promise.reject(new RedisError("timeout", `${MOST_DUE} replies of Redis are due already`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<RedisReply>();
    const { deadline } = this.#parts;
    const late = (): void => reject(new RedisError("timeout", `no reply of Redis to ${command} within ${deadline} ms`));
    const wait = this.#deadlines.start(() => void this.#parts.clock.after(LOOK_AGAIN, late, "background"));
    this.#due++;
    send(client, command, args).then(
      (reply) => {
        this.#due--;
        wait.cancel();
        resolve(reply);
      },
      (thrown: unknown) => {
        this.#due--;
        wait.cancel();
        reject(failureOf(toError(thrown)));
      },
    );
    return promise;
  }

  batch(
    commands: readonly (readonly [command: string, ...args: RedisArgument[]])[],
  ): Promise<(RedisReply | RedisError)[]> {
    // Written in one turn of the loop, so they travel together.
    return Promise.all(
      commands.map(([command, ...args]) => this.call(command, ...args).catch((error: unknown) => error as RedisError)),
    );
  }

  async script(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    let digest = this.#digests.get(script);
    if (digest === undefined) {
      digest = createHash("sha1").update(script.lua).digest("hex");
      this.#digests.set(script, digest);
    }
    try {
      return await this.call("EVALSHA", digest, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof RedisError) || !error.message.startsWith("NOSCRIPT")) throw error;
      return this.call("EVAL", script.lua, keys.length, ...keys, ...args);
    }
  }

  subscribe(channel: string, listener: (message: Buffer) => void): Cancel {
    return this.#subscriptions.add(channel, listener);
  }

  async close(): Promise<void> {
    this.#deadlines.clear();
    await Promise.all([this.#connection.close(), this.#subscriptions.close()]);
    this.#parts.closed();
  }
}

/** Rejects, never throws. */
const send = async (client: RedisClient, command: string, args: readonly RedisArgument[]): Promise<RedisReply> =>
  (await client.callBuffer(command, ...args)) as RedisReply;

/** An error reply has a name of its own; all else is about the connection. */
function failureOf(error: Error): RedisError {
  const refused = error.name === "ReplyError" || error.message.startsWith("Too many Cluster redirections");
  return new RedisError(refused ? "refused" : "down", error.message);
}

type Listener = (message: Buffer) => void;

/** Channels of one link on one connection, made with the first of them; each time it comes up all are subscribed anew. */
class Subscriptions {
  readonly #parts: LinkParts;
  readonly #channels = new Map<string, Set<Listener>>();
  #connection: RedisConnection | undefined;
  #stopPings: Cancel | undefined;

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  add(channel: string, listener: Listener): Cancel {
    const own: Listener = (message) => listener(message);
    const listeners = this.#channels.get(channel);
    if (listeners) listeners.add(own);
    else {
      this.#channels.set(channel, new Set([own]));
      if (this.#connection) this.#ask((client) => client.subscribe(channel));
      else this.#open();
    }
    return () => {
      const left = this.#channels.get(channel);
      if (!left?.delete(own) || left.size > 0) return;
      this.#channels.delete(channel);
      this.#ask((client) => client.unsubscribe(channel));
    };
  }

  async close(): Promise<void> {
    this.#stopPings?.();
    this.#channels.clear();
    await this.#connection?.close();
  }

  #open(): void {
    this.#connection = this.#parts.connect("-subscriber", (state) => {
      if (state === "up") this.#subscribeAll();
    });
    // A connection that only listens would not notice that the other end is gone.
    this.#stopPings = this.#parts.clock.every(PING_EVERY, () => this.#ask((client) => client.ping()));
  }

  #subscribeAll(): void {
    this.#connection?.client?.on("messageBuffer", (channel: Buffer, message: Buffer) => {
      for (const listener of this.#channels.get(channel.toString()) ?? []) listener(message);
    });
    const channels = [...this.#channels.keys()];
    if (channels.length > 0) this.#ask((client) => client.subscribe(...channels));
  }

  /** What cannot be had on this connection cannot be done without: another one is made. */
  #ask(ask: (client: RedisClient) => Promise<unknown>): void {
    const client = this.#connection?.client;
    if (client) ask(client).catch(() => client.disconnect());
  }
}
