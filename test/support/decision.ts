import type { Decision } from "../../src/core/decisions.ts";
import type { ExchangeEnded } from "../../src/core/events.ts";
import { DecisionRing } from "../../src/telemetry/decision-ring.ts";

/** What is remembered of an exchange that is over. `at` in milliseconds since 1970. */
export function decisionOf(event: ExchangeEnded, at: number): Decision {
  const ring = new DecisionRing(1);
  ring.add(event, at);
  return ring.at(0);
}
