import type { Clock } from "../../core/clock.ts";
import { toError } from "../../core/errors.ts";
import type { Exchange } from "../../core/exchange.ts";
import type { Outcome } from "../../core/outcome.ts";
import type { Soon } from "../../core/soon.ts";
import type { Handler, Stage } from "../../core/stage.ts";
import type { Breaker, Ticket } from "./breaker.ts";
import type { Judge } from "./verdict.ts";

/** Asks the breaker of a dependency, and tells it how the call went. `judge` undefined: no call is judged. */
export const createBreakerStage =
  (breaker: Breaker, judge: Judge | undefined, clock: Clock): Stage =>
  (next) =>
  (exchange) => {
    const entry = breaker.enter(exchange.class);
    if (typeof entry !== "number") return entry;
    if (entry === 0 || !judge) return next(exchange);
    return call(breaker, entry, judge, clock, next, exchange);
  };

function call(
  breaker: Breaker,
  ticket: Ticket,
  judge: Judge,
  clock: Clock,
  next: Handler,
  exchange: Exchange,
): Soon<Outcome> {
  const startedAt = clock.now();
  let outcome: Soon<Outcome>;
  try {
    outcome = next(exchange);
  } catch (thrown) {
    breaker.ended(ticket, "untold");
    throw toError(thrown);
  }
  // Who streams a body may take its time over it.
  const timed = exchange.body === undefined || exchange.body.whole !== undefined;
  const settle = (ended: Outcome): Outcome => {
    breaker.ended(ticket, judge(ended, clock.now() - startedAt, timed));
    return ended;
  };
  if (!(outcome instanceof Promise)) return settle(outcome);
  return outcome.then(settle, (thrown: unknown) => {
    breaker.ended(ticket, "untold");
    throw toError(thrown);
  });
}
