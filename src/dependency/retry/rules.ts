import type { Exchange } from "../../core/exchange.ts";
import { headerValue } from "../../core/headers.ts";
import type { FailedReason, Outcome } from "../../core/outcome.ts";

/** RFC 9110 section 9.2.2, without TRACE. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Failures before any head that another try may not meet. A `bad-response` would come again. */
const PASSING: ReadonlySet<FailedReason> = new Set(["connect", "connect-timeout", "timeout", "reset"]);

/** Whether a request means the same when it comes twice, and can be sent twice: its body, if any, is here whole. */
export const isReplayable = ({ method, body }: Pick<Exchange, "method" | "body">): boolean =>
  IDEMPOTENT.has(method) && (!body || body.whole !== undefined);

/** Whether another try may go better. Never for a refusal of ours. */
export function isPassing(outcome: Outcome, statuses: ReadonlySet<number>): boolean {
  if (outcome.kind === "served") return outcome.by === "dependency" && statuses.has(outcome.status);
  return outcome.kind === "failed" && PASSING.has(outcome.reason);
}

/** Milliseconds that a dependency asks to be left alone; undefined: it does not say. `wall` in milliseconds since 1970. */
export function askedPause(outcome: Outcome, wall: number): number | undefined {
  if (outcome.kind !== "served") return undefined;
  const text = headerValue(outcome.headers, "retry-after")?.trim();
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000;
  // RFC 9110 section 5.6.7: three forms, all of which begin with the name of a day.
  const at = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - wall);
}

/**
 * Milliseconds to wait before the try behind `tries`: anything up to `base`, doubled with each, and `most` ("full jitter"),
 * beside what the dependency asked for. `drawn` in [0, 1).
 */
export function pauseBefore(
  tries: number,
  { backoff, maxBackoff }: { readonly backoff: number; readonly maxBackoff: number },
  asked: number | undefined,
  drawn: number,
): number {
  return (asked ?? 0) + drawn * Math.min(maxBackoff, backoff * 2 ** (tries - 1));
}
