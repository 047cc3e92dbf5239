/** How much this process itself has to do: what it takes longer for is not the doing of others. */
export interface OwnWork {
  /** Whether the event loop has worked all of the last tenth of a second. */
  readonly full: boolean;
  /** Exchanges that may wait for their outcome at once while it stays full; Infinity as long as it does not. */
  readonly seats: number;
}

/** A process with time to spare. */
export const AT_EASE: OwnWork = { full: false, seats: Number.POSITIVE_INFINITY };
