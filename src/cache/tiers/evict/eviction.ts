/** Why something that nobody took away is no more. */
export type Lost = "capacity" | "expired";

/** Something kept, with what is known of it. */
export interface Held<V> {
  readonly key: string;
  readonly value: V;
  /** As accounted when it was put in, key included. */
  readonly bytes: number;
  /** Time from which on it is not found any more. */
  readonly until: number;
  /** Times it was asked for since it was last put in. */
  readonly hits: number;
}

export interface EvictionLimits {
  readonly bytes: number;
  readonly entries: number;
}

/**
 * Told of each thing that gave way or ran out, once, after it is gone. Not told of what was deleted, cleared or
 * replaced. It must not call the eviction back.
 */
export type OnLost<V> = (held: Held<V>, why: Lost) => void;

export interface EvictionParts<V> {
  readonly limits: EvictionLimits;
  readonly lost: OnLost<V>;
}

/**
 * A bounded map in memory: what is put in and fits is there right after, and others give way for it, those that ran out
 * first when they are met. Neither octets nor entries are ever above their limits. `now` is
 * of the same line of time as `until`.
 */
export interface Eviction<V> {
  /** Counts as a use. */
  get(key: string, now: number): V | undefined;
  /** Counts as nothing, and finds also what has run out. */
  peek(key: string): Held<V> | undefined;
  /** False when it is larger than the limit by itself: then neither it nor what was there before is kept. */
  set(key: string, value: V, bytes: number, until: number, now: number): boolean;
  delete(key: string): boolean;
  clear(): void;
  /** Another limit of octets from now on; what is above it gives way at once. */
  resize(bytes: number, now: number): void;
  /** All that is kept, in no order to rely on. */
  all(): Iterable<Held<V>>;
  readonly bytes: number;
  readonly entries: number;
  readonly limit: number;
}
