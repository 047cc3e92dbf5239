import type { Asked } from "../asked.ts";
import type { Entry } from "../entry.ts";
import { joinParts } from "../key.ts";

/** What is to be fetched. */
export interface Errand {
  readonly asked: Asked;
  /** What is kept and must not be used as it is. */
  readonly entry: Entry | undefined;
  /** Whether others may wait for it. */
  readonly shared: boolean;
  /** Whether it ends with the deadline of its request: nobody else waits for it, or wants it later. */
  readonly bound: boolean;
  /** Whether it may be kept; if not, the dependency sees the request as it is. */
  readonly keeps: boolean;
  /** The client wants the head alone. */
  readonly headOnly: boolean;
  /** Without an entry: a part of the answer that is kept, and what is kept whole when a part is asked for. */
  readonly part?: Entry | undefined;
  readonly whole?: Entry | undefined;
  /** When it was asked for, if before this errand began: then nothing is asked for again. */
  readonly requestedAt?: number;
}

/** Name of the flight that a request of this variant waits for. */
export const flightName = (key: string, variant: string): string => (variant === "" ? key : joinParts([key, variant]));
