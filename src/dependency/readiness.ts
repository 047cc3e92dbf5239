import type { BodyReadiness, RequestBody } from "../core/exchange.ts";
import { failed, refused, type Outcome } from "../core/outcome.ts";

const READ_BEFORE =
  "the body was read before it could be sent on: in the application, put spillway() before express.json() and other body parsers";

/** Waits until a body is worth a seat; an outcome when it never will be. */
export async function unreadyBody(body: RequestBody): Promise<Outcome | undefined> {
  return bodyOutcome(await body.ready());
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
