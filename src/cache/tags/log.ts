import type { Purge } from "./ledger.ts";

/** A purge in the log. */
export interface Logged {
  readonly position: number;
  /** Of the purge before it, whether or not that is still there; 0: none. Who read another one last has missed some. */
  readonly before: number;
  /** Undefined: nothing was purged, the log began anew. */
  readonly purge: Purge | undefined;
}

/** One look into the log. */
export interface Reading {
  /** What a purge of this moment would have, by the log's clock. */
  readonly now: number;
  /** The newest position ever given out. */
  readonly last: number;
  /**
   * Undefined while the log goes on from what the reader had. A position when it does not: the log was lost and goes on
   * from there, or, below 0, there was none. `entries` are then what it has of late, at whatever position.
   */
  readonly lostFrom: number | undefined;
  /** In order. Fewer than there are when many came at once. */
  readonly entries: readonly Logged[];
  readonly more: boolean;
}

/** The last purges of what an entry may be purged by. */
export interface Remembered {
  /** What is older than this may have been purged without a trace. */
  readonly since: number;
  readonly soft: number;
  readonly hard: number;
}

/** The ordered log of purges of a fleet. Every call may reject: the log is away. */
export interface PurgeLog {
  /** Appends purges, all above `above`; resolves to the position of the last of them. */
  append(purges: readonly Purge[], above: number): Promise<number>;
  /** What came after `after`; -1: nothing but where the log stands. */
  read(after: number): Promise<Reading>;
  /** `marks` of an entry, see purge-text.ts. */
  remembered(marks: readonly string[]): Promise<Remembered>;
  /** Called when there may be news; may be called for nothing, and may miss some. */
  onNews(listener: () => void): void;
  close(): Promise<void>;
}
