import { EventEmitter } from "node:events";
import CircuitBreaker from "opossum";

/** One generation of a breaker: it begins closed, or half-open after the one before it, and ends with being open. */
export interface BreakerEngine {
  readonly state: "closed" | "open" | "half-open";
  readonly closed: boolean;
  open(): void;
  close(): void;
  /** Leaves no timer behind. It is not used after that. */
  end(): void;
}

export type EngineSource = (from: "closed" | "half-open") => BreakerEngine;

/** Milliseconds, the longest that a timer of Node's can run: when to be half-open is said by the breaker's own clock. */
const NEVER = 2 ** 31 - 1;

/**
 * The states of opossum and nothing else of it. No call goes through its `fire`: that costs a promise chain and 0.5 us or
 * more a request, counts refusals as calls and has neither a share of slow calls nor a way back in steps. Its `capacity`
 * counts refusals as failures, its `timeout` and `abortController` are one for all calls, its percentiles sort all of
 * the window at each failure.
 */
class OpossumEngine implements BreakerEngine {
  readonly #circuit: CircuitBreaker;

  constructor(from: "closed" | "half-open") {
    const closed = from === "closed";
    this.#circuit = new CircuitBreaker(NOTHING, {
      timeout: false,
      resetTimeout: NEVER,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rollingCountBuckets: 1,
      // In place of an interval: nothing is counted there, so nothing has to rotate.
      rotateBucketController: new EventEmitter(),
      state: { enabled: true, closed, halfOpen: !closed },
    });
  }

  get closed(): boolean {
    return this.#circuit.closed;
  }

  get state(): "closed" | "open" | "half-open" {
    if (this.#circuit.closed) return "closed";
    return this.#circuit.halfOpen ? "half-open" : "open";
  }

  open(): void {
    this.#circuit.open();
  }

  close(): void {
    this.#circuit.close();
  }

  end(): void {
    this.#circuit.shutdown();
  }
}

const NOTHING = async (): Promise<void> => {};

export const opossumEngine: EngineSource = (from) => new OpossumEngine(from);
