import type { Client } from "undici";
import { Line, type Place } from "../core/line.ts";
import { Wire } from "./wire.ts";

/** A request that has a connection, or waits for one. */
export interface Claim {
  /** Whether its body is longer than what is collected beforehand, so that the client's pace is the connection's. */
  readonly streams: boolean;
  /** The connection is this request's until it is released. */
  granted(connection: Connection): void;
}

/** One connection to a target: an undici client of its own, so that we choose which one a request takes. */
export class Connection {
  readonly client: Client;
  readonly wire = new Wire();
  /** Requests it has carried. More than none: the dependency may have closed it without our knowing yet. */
  carried = 0;
  /** Whether the request it carries streams its body. */
  streams = false;
  /** Carries no further request: where it goes is no longer the target. */
  leaves = false;

  constructor(create: (wire: Wire) => Client) {
    this.client = create(this.wire);
  }
}

/**
 * The connections to one target: a stack, so that the warmest is taken first and the coldest can idle out, and lines of
 * requests behind it. Uploads that stream hold a quarter of them at most, so that slow clients cannot take them all
 * (security rule D3).
 */
export class Connections {
  readonly #create: (wire: Wire) => Client;
  readonly #most: number;
  readonly #mostStreams: number;
  readonly #all = new Set<Connection>();
  readonly #free: Connection[] = [];
  readonly #waiting = new Line<Claim>();
  readonly #waitingStreams = new Line<Claim>();
  #streams = 0;

  /** At most `most` connections at a time, made by `create`. */
  constructor(create: (wire: Wire) => Client, most: number) {
    this.#create = create;
    this.#most = most;
    this.#mostStreams = Math.max(1, Math.floor(most / 4));
  }

  /** Takes a connection now, or a place in line. */
  claim(claim: Claim): Place | undefined {
    if (claim.streams && this.#streams >= this.#mostStreams) return this.#waitingStreams.join(claim);
    const free = this.#free.pop() ?? this.#open();
    if (!free) return (claim.streams ? this.#waitingStreams : this.#waiting).join(claim);
    this.#grant(free, claim);
    return undefined;
  }

  /** The request on this connection is over, well or not: undici opens it anew when it has to. */
  release(connection: Connection): void {
    connection.carried++;
    if (connection.streams) this.#streams--;
    connection.streams = false;
    if (connection.client.closed || connection.client.destroyed) {
      this.#all.delete(connection);
      return;
    }
    const { leaves } = connection;
    if (leaves) this.#drop(connection);
    const next = this.#next();
    if (next) this.#grant(leaves ? this.#open()! : connection, next);
    else if (!leaves) this.#free.push(connection);
  }

  /** Gives up connections to any other address: idle ones now, the rest when their request is over. */
  leaveAllBut(addresses: ReadonlySet<string>): void {
    for (const connection of this.#all) {
      const { address } = connection.wire;
      if (address !== undefined && !addresses.has(address)) connection.leaves = true;
    }
    const idle = this.#free.splice(0);
    for (const connection of idle) {
      if (connection.leaves) this.#drop(connection);
      else this.#free.push(connection);
    }
  }

  /** Closes a connection that carries nothing; its place is free. */
  #drop(connection: Connection): void {
    this.#all.delete(connection);
    void connection.client.close();
  }

  /** Lets what is under way finish. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map(({ client }) => client.close()));
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#all].map(({ client }) => client.destroy()));
  }

  /** Streams first, as long as they have not got their share: others get the rest anyway. */
  #next(): Claim | undefined {
    const stream = this.#streams < this.#mostStreams ? this.#waitingStreams.take() : undefined;
    return stream ?? this.#waiting.take();
  }

  #grant(connection: Connection, claim: Claim): void {
    connection.streams = claim.streams;
    if (claim.streams) this.#streams++;
    claim.granted(connection);
  }

  #open(): Connection | undefined {
    if (this.#all.size >= this.#most) return undefined;
    const connection = new Connection(this.#create);
    this.#all.add(connection);
    return connection;
  }
}
