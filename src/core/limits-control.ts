/** One client quota of one process since it started. Types only. */
export interface LimitReading {
  readonly rule: string;
  readonly mode: "enforce" | "shadow";
  readonly by: readonly string[];
  /** Requests in a window, milliseconds; undefined: only what is under way counts. */
  readonly limit: number | undefined;
  readonly windowMs: number | undefined;
  readonly algorithm: "fixed-window" | "token-bucket" | undefined;
  /** Of one key under way at a time. */
  readonly concurrent: number | undefined;
  /** Keys that have requests under way now. */
  readonly inFlightKeys: number;
  readonly checked: number;
  /** In shadow mode: what would have been. */
  readonly refused: number;
  /** Keys that have used something of their limit, the room there is for keys, and the octets it takes. */
  readonly keys: number;
  readonly slots: number;
  readonly bytes: number;
}

/** The client quotas of one process. */
export interface LimitsReading {
  readonly limits: readonly LimitReading[];
  /** Processes that are thought to share the limits. */
  readonly processes: number;
  /** `local`: redis is configured and cannot be asked. */
  readonly store: "memory" | "redis" | "local";
}
