import type { Body, BodyEnding } from "../../core/body.ts";
import { joinedHeader } from "../../core/headers.ts";
import type { Outcome } from "../../core/outcome.ts";
import type { WarmResult } from "../../core/warming.ts";

/** What came of a request that warms. */
export interface Judged {
  readonly result: WarmResult;
  /** "" where nothing is to be said. */
  readonly why: string;
  /** Whether the dependency is in trouble, or the gateway, rather than the request wrong. */
  readonly trouble: boolean;
}

const failed = (why: string, trouble: boolean): Judged => ({ result: "failed", why, trouble });

/** What an outcome means, `ending` being that of its body. */
export function judgeOutcome(outcome: Outcome, ending: BodyEnding): Judged {
  if (outcome.kind === "handed-on" || outcome.kind === "tunnelled") return failed("was not answered here", false);
  if (outcome.kind !== "served") return failed(`${outcome.reason}: ${outcome.detail}`, true);
  const { status, cache, headers } = outcome;
  if (cache?.result === "hit") return { result: "skipped", why: "", trouble: false };
  if (cache?.result === "fallback") return failed("the dependency failed, and the route's fallback stood in", true);
  if (status >= 500) return failed(`status ${status}`, true);
  if (ending !== "complete") return failed("the answer was cut", true);
  const told = joinedHeader(headers, "cache-status") ?? "";
  if (/; (?:stored|collapsed)(?:;|,|$)/.test(told)) return { result: "done", why: "", trouble: false };
  if (status >= 400) return failed(`status ${status}`, false);
  return { result: "not-stored", why: "the answer may not be kept", trouble: false };
}

/** Reads a body to its end and keeps nothing of it. */
export function readAway(body: Body): Promise<BodyEnding> {
  return new Promise((resolve) => {
    body.whenDone(resolve);
    if (!body.takeWhole()) body.pipe({ write: () => true, end() {}, fail() {} });
  });
}
