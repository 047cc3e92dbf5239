import type { Redis as Single } from "ioredis";
import type { Attempts, Turns } from "../core/attempts.ts";
import type { Clock } from "../core/clock.ts";
import { toError } from "../core/errors.ts";
import type { RedisState } from "../core/redis.ts";
import { cutOnStrayReply, type RedisClient } from "./redis-client.ts";

/** Milliseconds between two times that a replica in the master's place ends a connection. */
const READ_ONLY_EVERY = 2000;
/** Milliseconds that a close waits for its connections. */
const CLOSING = 250;

export interface ConnectionParts {
  readonly clock: Clock;
  /** Of all connections to this Redis. */
  readonly attempts: Attempts;
  /** Makes a client that is not connected yet. Rejects when there can be none. */
  readonly open: (onReadOnly: () => boolean) => Promise<RedisClient>;
  /** Told of each change, and of the first failure. `reason`: "" when up. */
  readonly onChange: (state: RedisState, reason: string) => void;
}

type Phase =
  | { readonly at: "waiting" }
  | { readonly at: "connecting"; readonly client: RedisClient | undefined }
  | { readonly at: "up"; readonly client: RedisClient }
  | { readonly at: "closed" };

/** Keeps one client connected: a new one in place of one that is lost, when it is its turn. Starts at once. */
export class RedisConnection {
  readonly #parts: ConnectionParts;
  readonly #turns: Turns;
  #phase: Phase = { at: "closed" };
  #readOnlyAt = Number.NEGATIVE_INFINITY;
  #told: RedisState | undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#turns = parts.attempts.join(() => this.#attempt());
    this.#turns.start();
  }

  /** The client while it is connected. */
  get client(): RedisClient | undefined {
    return this.#phase.at === "up" ? this.#phase.client : undefined;
  }

  async close(): Promise<void> {
    const phase = this.#phase;
    this.#phase = { at: "closed" };
    this.#turns.leave();
    const client = "client" in phase ? phase.client : undefined;
    if (!client) return;
    if (client.status === "end") return disconnect(client);
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#parts.clock.after(CLOSING, resolve);
    client.once("end", resolve);
    client.disconnect();
    await promise;
    cancel();
  }

  #attempt(): void {
    const connecting: Phase = { at: "connecting", client: undefined };
    this.#phase = connecting;
    this.#parts
      .open(() => this.#mayReconnect())
      .then(
        (client) => {
          if (this.#phase === connecting) this.#connect(client);
          else client.disconnect();
        },
        (thrown: unknown) => this.#lost(connecting, toError(thrown).message),
      );
  }

  #connect(client: RedisClient): void {
    let phase: Phase = { at: "connecting", client };
    this.#phase = phase;
    let reason = "the connection ended";
    client.on("error", (error: Error) => (reason = error.message));
    client.on("node error", (error: Error) => (reason = error.message));
    const over = (): void => this.#lost(phase, reason);
    if (!("nodes" in client)) cutOnStrayReply(client);
    client.on("close", over);
    client.on("end", over);
    client.on("ready", () => {
      void connectNodes(client).then(() => {
        if (this.#phase !== phase) return;
        this.#phase = phase = { at: "up", client };
        this.#turns.succeeded();
        this.#tell("up", "");
      });
    });
    client.connect().catch((thrown: unknown) => (reason = toError(thrown).message));
  }

  #lost(phase: Phase, reason: string): void {
    if (this.#phase !== phase) return;
    this.#phase = { at: "waiting" };
    this.#turns.plan(this.#told !== "down");
    if ("client" in phase && phase.client) disconnect(phase.client);
    this.#tell("down", reason);
  }

  #mayReconnect(): boolean {
    const now = this.#parts.clock.now();
    if (now - this.#readOnlyAt < READ_ONLY_EVERY) return false;
    this.#readOnlyAt = now;
    return true;
  }

  #tell(state: RedisState, reason: string): void {
    if (this.#told === state) return;
    this.#told = state;
    this.#parts.onChange(state, reason);
  }
}

/** One that came through sentinels listens to them on, also when it has ended by itself. */
function disconnect(client: RedisClient): void {
  if (client.status !== "end" || !("nodes" in client)) client.disconnect();
}

/**
 * Connects to all masters of a cluster, now and as they become known: otherwise the first calls to each would fail. Ends
 * when each of them is connected or has failed.
 */
async function connectNodes(client: RedisClient): Promise<void> {
  if (!("nodes" in client)) return;
  const connect = async (node: Single): Promise<void> => {
    if (node.status !== "wait") return;
    cutOnStrayReply(node);
    await node.connect().catch(() => {});
  };
  client.on("+node", (node: Single) => void connect(node));
  await Promise.all(client.nodes("master").map(connect));
}
