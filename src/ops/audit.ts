import type { Clock } from "../core/clock.ts";
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
  /** Entries left out since the one before: see {@link boundAudit}. */
  readonly suppressed?: number;
  readonly before?: unknown;
  readonly after?: unknown;
};

/** Keeps an entry. Must not throw. */
export type Audit = (entry: AuditEntry) => void;

/** Entries a second of calls that were turned away for anything but a wrong token, which the lockout bounds. */
const MOST_TURNED_AWAY = 20;

/**
 * Leaves out what would let anybody who reaches the listener fill the disk: of calls turned away only so many a second
 * are kept, and the next entry says how many were not. Whatever was done, or guessed, is kept always.
 */
export function boundAudit(audit: Audit, clock: Clock): Audit {
  let second = Number.NaN;
  let kept = 0;
  let suppressed = 0;
  return (entry) => {
    const now = Math.floor(clock.now() / 1000);
    if (now !== second) {
      second = now;
      kept = 0;
    }
    if (entry.outcome === "turned-away" && entry.reason !== "wrong-token" && ++kept > MOST_TURNED_AWAY) {
      suppressed += 1;
      return;
    }
    audit(suppressed > 0 ? { ...entry, suppressed } : entry);
    suppressed = 0;
  };
}
