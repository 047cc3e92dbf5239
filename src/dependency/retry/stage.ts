import type { Clock, Random } from "../../core/clock.ts";
import { toError } from "../../core/errors.ts";
import type { Exchange, PriorityClass } from "../../core/exchange.ts";
import { failed, isDropped, type Outcome } from "../../core/outcome.ts";
import type { Soon } from "../../core/soon.ts";
import type { Handler, Stage } from "../../core/stage.ts";
import { attempt } from "./attempt.ts";
import { discard } from "./discard.ts";
import { pausing } from "./pausing.ts";
import type { Retry } from "./retry.ts";
import { askedPause, isPassing, isReplayable, pauseBefore } from "./rules.ts";

export interface RetryParts {
  readonly retry: Retry;
  /** Milliseconds for all tries of a request until the head of its answer. */
  readonly total: number;
  /** Keeps the dependency from being closed between two tries; `over` once it is cut off all the same. */
  readonly hold: { enter(): void; leave(): void; readonly over: boolean };
  readonly clock: Clock;
  readonly random: Random;
  /** The degradation level in force. */
  readonly level: () => number;
}

/**
 * Sends a request again whose try failed before there was a head of an answer, or was answered in vain, as long as it can
 * be sent again, the budget of the dependency has it, and there is time. What comes back is the last try's.
 */
export const createRetryStage =
  (parts: RetryParts): Stage =>
  (next) => {
    const { clock, retry } = parts;
    const { budget, statuses } = retry;
    const fail = (thrown: unknown): never => {
      budget.end();
      throw toError(thrown);
    };
    return (exchange) => {
      if (exchange.upgrade) return next(exchange);
      const startedAt = clock.now();
      budget.begin(startedAt);
      const settle = (outcome: Outcome): Soon<Outcome> => {
        if (isPassing(outcome, statuses) && isReplayable(exchange) && !exchange.standIn)
          return tryAgain(parts, next, exchange, outcome, startedAt);
        budget.end();
        return outcome;
      };
      let outcome: Soon<Outcome>;
      try {
        outcome = next(exchange);
      } catch (thrown) {
        return fail(thrown);
      }
      return outcome instanceof Promise ? outcome.then(settle, fail) : settle(outcome);
    };
  };

/** From a try that was in vain to the end. */
async function tryAgain(
  parts: RetryParts,
  next: Handler,
  exchange: Exchange,
  first: Outcome,
  startedAt: number,
): Promise<Outcome> {
  const { retry, hold, clock } = parts;
  const until = Math.min(exchange.deadline, startedAt + parts.total);
  const { departure } = exchange;
  let outcome = first;
  let count = 1;
  let lastAt = startedAt;
  let dropped = isDropped(first);
  hold.enter();
  try {
    while (isPassing(outcome, retry.statuses)) {
      const ms = claim(parts, exchange, outcome, count, until);
      if (ms === undefined) break;
      const giveUp = outcome.kind === "served" ? discard(outcome.body) : undefined;
      try {
        const stayed = await pausing(ms, departure, clock);
        giveUp?.();
        if (stayed && hold.over) break;
        if (!stayed) {
          retry.count("abandoned");
          outcome = failed("client-gone", "the client left before the answer");
          break;
        }
        count++;
        lastAt = clock.now();
        const ended = await next(attempt(exchange, count, { deadline: until, departure }));
        if (ended.kind === "refused" && ended.reason === "breaker") {
          retry.count("refused");
          // The dependency was not asked: what is known of it is how the try before failed.
          if (outcome.kind !== "failed") outcome = ended;
          else count--;
          break;
        }
        outcome = ended;
      } finally {
        retry.budget.give();
      }
      dropped ||= isDropped(outcome);
      retry.count(isRecovered(outcome, retry.statuses) ? "recovered" : "failed");
    }
  } finally {
    hold.leave();
    retry.budget.end();
  }
  if (count === 1 || outcome.kind === "handed-on" || outcome.kind === "tunnelled") return outcome;
  return { ...outcome, tries: { count, lastAt, dropped } };
}

/** Takes a further try and tells how long to wait before it; undefined: there is none to have, and why not is counted. */
function claim(
  { retry, hold, clock, random, level }: RetryParts,
  exchange: Exchange,
  outcome: Outcome,
  tries: number,
  until: number,
): number | undefined {
  const { settings, budget } = retry;
  const more = isUrgent(exchange.class) ? settings.criticalAttempts : settings.attempts;
  if (tries > more || exchange.departure.gone || hold.over) return undefined;
  const at = level();
  if (at >= 2 || (at >= 1 && isLeisurely(exchange.class))) {
    retry.count("level");
    return undefined;
  }
  const now = clock.now();
  const ms = pauseBefore(tries, settings, askedPause(outcome, clock.wall()), random());
  if (now + ms >= until) {
    retry.count("no-time");
    return undefined;
  }
  if (budget.take(now, at >= 1 ? 2 : 1)) return ms;
  retry.count("no-budget");
  return undefined;
}

const isUrgent = (cls: PriorityClass): boolean => cls === "critical" || cls === "system";
const isLeisurely = (cls: PriorityClass): boolean => cls === "sheddable" || cls === "bulk";

const isRecovered = (outcome: Outcome, statuses: ReadonlySet<number>): boolean =>
  outcome.kind === "served" && !isPassing(outcome, statuses);
