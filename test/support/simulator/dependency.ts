import { EventHeap, Fifo, type Call } from "./call.ts";

/** What a dependency can do for the time being. */
export interface Capacity {
  /** Calls that it works on at the same time; what comes beyond waits inside it, first come, first served. */
  readonly slots: number;
  /** Factor on all work. */
  readonly slowdown?: number;
  /** Share by which each waiting call slows down the one that begins: a dependency that loses throughput under load. */
  readonly retrograde?: number;
  /** Calls that may wait inside; beyond, it refuses at once. Absent: no end. */
  readonly depth?: number;
}

/** Slots and an endless queue. It keeps working for clients that have gone, as real ones do. */
export class Dependency {
  readonly #events = new EventHeap();
  readonly #queue = new Fifo<Call>();
  #capacity: Capacity;
  #busy = 0;

  constructor(capacity: Capacity) {
    this.#capacity = capacity;
  }

  /** Time of the next event. */
  get next(): number {
    return this.#events.next;
  }

  change(capacity: Capacity, now: number): void {
    this.#capacity = capacity;
    this.#begin(now);
  }

  /** Whether it takes the call. */
  take(call: Call, now: number): boolean {
    if (this.#busy >= this.#capacity.slots && this.#queue.length >= (this.#capacity.depth ?? Infinity)) return false;
    this.#queue.push(call);
    this.#begin(now);
    return true;
  }

  /** The call whose event is due: with its head (`body`), or whole (`over`). Of one whose client has gone, nothing. */
  step(): Call | undefined {
    const call = this.#events.pop();
    const now = call.at;
    const slow = this.#capacity.slowdown ?? 1;
    const heard = call.state !== "gone";
    if (call.body > 0 && call.state === "head") {
      call.state = "body";
      call.at = now + call.body * slow;
      this.#events.push(call);
      return call;
    }
    if (heard) call.state = "over";
    this.#busy--;
    this.#begin(now);
    return heard ? call : undefined;
  }

  #begin(now: number): void {
    const { slots, slowdown = 1, retrograde = 0 } = this.#capacity;
    while (this.#busy < slots) {
      const call = this.#queue.shift();
      if (!call) return;
      this.#busy++;
      call.at = now + call.head * slowdown * (1 + retrograde * this.#queue.length);
      this.#events.push(call);
    }
  }
}
