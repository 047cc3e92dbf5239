import { Client, type Dispatcher } from "undici";

/** A request that has a connection, or waits for one. Given back or withdrawn exactly once. */
export interface Claim {
  /** The connection is this request's until it is released. */
  granted(connection: Connection): void;
}

/** One connection to a target: an undici client of its own, so that we choose which one a request takes. */
export class Connection {
  readonly client: Client;
  /** Requests it has carried. More than none: the dependency may have closed it without our knowing yet. */
  carried = 0;

  constructor(client: Client) {
    this.client = client;
  }
}

/**
 * The connections to one target: a stack, so that the warmest is taken first and the coldest can idle out, and a line
 * of requests behind it once `most` are in use. A request that leaves the line costs the dependency nothing.
 */
export class Connections {
  readonly #free: Connection[] = [];
  readonly #waiting = new Set<Claim>();
  readonly #create: () => Client;
  readonly #most: number;
  readonly #all = new Set<Connection>();

  constructor(create: () => Client, most: number) {
    this.#create = create;
    this.#most = most;
  }

  /** Takes a connection now, or puts the claim in line. */
  claim(claim: Claim): void {
    const free = this.#free.pop() ?? (this.#all.size < this.#most ? this.#open() : undefined);
    if (free) claim.granted(free);
    else this.#waiting.add(claim);
  }

  /** A claim that has not been granted needs no connection any more. */
  withdraw(claim: Claim): void {
    this.#waiting.delete(claim);
  }

  /** The request on this connection is over, well or not: undici opens it anew when it has to. */
  release(connection: Connection): void {
    connection.carried++;
    if (connection.client.closed || connection.client.destroyed) {
      this.#all.delete(connection);
      return;
    }
    const [next] = this.#waiting;
    if (next) {
      this.#waiting.delete(next);
      next.granted(connection);
    } else this.#free.push(connection);
  }

  /** Lets what is under way finish. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map(({ client }) => client.close()));
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#all].map(({ client }) => client.destroy()));
  }

  #open(): Connection {
    const connection = new Connection(this.#create());
    this.#all.add(connection);
    return connection;
  }
}

/** What a request tells undici, beside what its types know. */
export type RequestOptions = Dispatcher.DispatchOptions & { servername?: string };
