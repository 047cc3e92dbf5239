import type { TurnedAwayReason } from "./auth.ts";

/** One call that changed something, tried to, or was turned away. A type, not an interface: it goes into a log line. */
export type AuditEntry = {
  /** Of the answer's X-Request-Id. */
  readonly id: string;
  /** Name of the token, "loopback" without tokens, "-" when nobody was recognised. */
  readonly actor: string;
  /** First 8 hexadecimal digits of the token's SHA-256, or "-". */
  readonly fingerprint: string;
  readonly address: string;
  /** Such as "POST /ops/drain": as the table of calls has it, not as the caller wrote it. */
  readonly call: string;
  readonly outcome: "done" | "failed" | "turned-away";
  readonly status: number;
  readonly reason?: TurnedAwayReason | "locked-out" | undefined;
  readonly before?: unknown;
  readonly after?: unknown;
};

/** Keeps an entry. Must not throw. */
export type Audit = (entry: AuditEntry) => void;
