/**
 * What Spillway asks of Redis, whichever client and topology stand behind it: commands that fail at once while there is
 * no connection, and never later than their deadline. Types only.
 */
import type { Cancel } from "./clock.ts";

export type RedisArgument = string | number | Buffer;

/** Strings come as octets. An error reply rejects the promise instead. */
export type RedisReply = Buffer | number | null | readonly RedisReply[];

/** `down`: calls reject at once; nothing is queued for later. */
export type RedisState = "up" | "down";

/** A Lua script: sent whole the first time, by its SHA-1 afterwards. */
export interface RedisScript {
  /** For messages. */
  readonly name: string;
  readonly lua: string;
}

/** Why a call failed. */
export type RedisFailure =
  | "down" // no connection, or it broke while the call was under way
  | "timeout" // no reply within the link's deadline
  | "refused"; // an error reply: READONLY, OOM, LOADING, MOVED that could not be followed...

export class RedisError extends Error {
  readonly failure: RedisFailure;
  constructor(failure: RedisFailure, message: string) {
    super(message);
    this.name = "RedisError";
    this.failure = failure;
  }
}

/** One role's way to Redis: its own connection (or one a master, in a cluster) and its own deadline. */
export interface RedisLink {
  state(): RedisState;
  /** Told of each change. */
  onState(listener: (state: RedisState) => void): Cancel;
  /** One command. In a cluster the first argument that is a key routes it. Rejects with a {@link RedisError}. */
  call(command: string, ...args: readonly RedisArgument[]): Promise<RedisReply>;
  /** All in one round trip where one node holds their keys; the replies in order, an error in place of one that failed. */
  batch(
    commands: readonly (readonly [command: string, ...args: RedisArgument[]])[],
  ): Promise<(RedisReply | RedisError)[]>;
  /** In a cluster all `keys` have to share a slot: put the same `{tag}` into them. */
  script(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply>;
  /** On a connection of its own, which comes back by itself; what was published meanwhile is lost. */
  subscribe(channel: string, listener: (message: Buffer) => void): Cancel;
  close(): Promise<void>;
}

/** Makes links to the configured Redis. */
export interface Redis {
  /** `role` names the connection (CLIENT SETNAME) and the events; `deadline`: milliseconds a call may take. */
  link(role: string, deadline: number): RedisLink;
  close(): Promise<void>;
}
