/** How one call to a dependency went, as far as it tells of the dependency's capacity. */
export interface Sample {
  readonly route: string;
  /** Monotonic milliseconds at which the call got its seat. */
  readonly startedAt: number;
  /** Milliseconds from then to the head of the answer; of a dropped call, until it was given up. */
  readonly latency: number;
  /** Seats taken when it began, its own included. */
  readonly inFlight: number;
  /** `dropped`: timed out, reset, refused by the dependency (429, 503). What tells nothing is no sample. */
  readonly ending: "success" | "dropped";
}

/**
 * How many calls a dependency can have under way: pure maths, fed with numbers; `now` is monotonic milliseconds and never
 * goes back. It is told of calls that tell of the dependency only: not of cache hits, refusals, health checks, hedges or
 * calls whose client left. Numbers that make no sense (NaN, negative latencies) are passed over.
 */
export interface Limit {
  /**
   * Seats at this moment, a whole number of at least one. It may fall below what is under way: then nobody gets a seat
   * until enough have ended. Ask again at every arrival and every ending: it also changes with time alone.
   */
  seats(now: number): number;
  /** A call got its seat; `inFlight` with its own. */
  began(route: string, now: number, inFlight: number): void;
  /** The head of an answer is there, or the call was given up. Its seat may be held for longer. */
  ended(sample: Sample, now: number): void;
}

/** Where a limit starts, and what it never leaves. Whole numbers, 1 <= min <= max. */
export interface Bounds {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

/** Whole seats within the bounds; `min` for what is no number. */
export const within = ({ min, max }: Bounds, seats: number): number =>
  seats >= max ? max : seats > min ? Math.floor(seats) : min;
