import type { Cancel, Clock } from "../core/clock.ts";
import type { Exchange } from "../core/exchange.ts";
import type { HeaderList } from "../core/headers.ts";
import { refused, type Refused } from "../core/outcome.ts";

type Timed = Pick<Exchange, "deadline" | "deadlineFields">;

/** Milliseconds that the answer takes back to the client: the dependency has so many less. */
const WAY_BACK = 5;
/** The most that `grpc-timeout` can say in milliseconds: 8 digits. */
const MOST_GRPC = 99_999_999;

/** What remains of a client's time, in one of the spellings that it may come in. */
function spelt(name: string, ms: number, wall: number): string | undefined {
  switch (name) {
    case "x-envoy-expected-rq-timeout-ms":
      return String(ms);
    case "x-request-deadline":
      return String(Math.floor(wall) + ms);
    case "grpc-timeout":
      return `${Math.min(ms, MOST_GRPC)}m`;
    default:
      return undefined;
  }
}

/** Tells the dependency what remains: as `X-Request-Timeout-Ms`, and in the spellings that the client used. At least 1 ms. */
export function remainingFields({ deadline, deadlineFields = [] }: Timed, clock: Clock): HeaderList {
  const ms = Math.max(1, Math.floor(deadline - clock.now() - WAY_BACK));
  const fields = ["x-request-timeout-ms", String(ms)];
  for (const name of deadlineFields) {
    const value = spelt(name, ms, clock.wall());
    if (value !== undefined) fields.push(name, value);
  }
  return fields;
}

/** Whether a client's time is over. */
export const isPast = ({ deadline }: Timed, clock: Clock): boolean =>
  deadline !== Number.POSITIVE_INFINITY && deadline <= clock.now();

/** Calls back when a client's time is over; undefined: it has any time. */
export const whenPast = ({ deadline }: Timed, clock: Clock, callback: () => void): Cancel | undefined =>
  deadline === Number.POSITIVE_INFINITY ? undefined : clock.after(deadline - clock.now(), callback, "background");

/** Not the dependency's failure, which may have had a millisecond. `dependencyMs`: how long it was at work, if it was asked. */
export function pastDeadline(name: string, dependencyMs?: number): Refused {
  const detail = `the deadline of this request passed before an answer of ${name} was here; allow more time`;
  return { ...refused("deadline", detail), ...(dependencyMs !== undefined && { dependencyMs }) };
}
