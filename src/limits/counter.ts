import type { Soon } from "../core/soon.ts";

/** What became of one request of a key. */
export interface Taken {
  readonly ok: boolean;
  /** Requests that the key has left, as far as this process knows. */
  readonly remaining: number;
  /** Milliseconds until all of its quota is back. */
  readonly resetMs: number;
  /** Milliseconds until one more request would be let through, when this one is not. */
  readonly retryMs: number;
}

/** How a rule counts. */
export interface Counter {
  /** One request of a key: at once, unless somebody else has to be asked. Never rejects. */
  take(key: string): Soon<Taken>;
  /** `keys` in use, the room there is for them, and the octets of that room. */
  reading(): CounterReading;
}

/** Counts here, and can take over from one that counts elsewhere. */
export interface LocalCounter extends Counter {
  /** One request of a key was let through by another counter. */
  note(key: string): void;
}

export interface CounterReading {
  readonly keys: number;
  readonly slots: number;
  readonly bytes: number;
}

/** How many requests in how long. */
export interface Quantity {
  readonly limit: number;
  /** Milliseconds. */
  readonly window: number;
  /** With a token bucket: requests at once; undefined: windows are fixed. */
  readonly burst: number | undefined;
}
