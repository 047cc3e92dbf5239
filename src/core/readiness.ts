import type { Cancel, Clock } from "./clock.ts";
import type { BodyReadiness, Exchange, RequestBody } from "./exchange.ts";
import { failed, refused, type Outcome } from "./outcome.ts";

const READ_BEFORE =
  "the body was read before it could be sent on: in the application, put spillway() before express.json() and other body parsers";

/** Waits until a body is worth a seat, as long as the client's deadline lets it; an outcome when it never will be. */
export async function unreadyBody(
  body: RequestBody,
  { deadline }: Pick<Exchange, "deadline">,
  clock: Clock,
): Promise<Outcome | undefined> {
  if (deadline === Number.POSITIVE_INFINITY) return bodyOutcome(await body.ready());
  let cancel: Cancel | undefined;
  const late = new Promise<Outcome>((resolve) => {
    const refuse = (): void =>
      resolve(refused("deadline", "the deadline of this request passed before its body was here"));
    cancel = clock.after(Math.max(0, deadline - clock.now()), refuse, "background");
  });
  try {
    return await Promise.race([body.ready().then(bodyOutcome), late]);
  } finally {
    cancel?.();
  }
}

/** How an exchange ends whose body cannot be read to its end; undefined for one that can, as far as is known. */
export function bodyOutcome(state: BodyReadiness | undefined): Outcome | undefined {
  switch (state) {
    case undefined:
    case "whole":
    case "streaming":
      return undefined;
    case "too-large":
      return refused("body-too-large", "the body is larger than this gateway takes; send less, or in parts");
    case "too-slow":
      return refused("body-timeout", "the body came too slowly; send it faster");
    case "gone":
      return failed("client-gone", "the client left before its body was complete");
    case "read-before":
      return failed("internal", "the application read the body before it could be sent on", new Error(READ_BEFORE));
  }
}
