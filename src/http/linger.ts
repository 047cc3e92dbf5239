import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../core/clock.ts";

/** How long, and for how many octets, a client may go on sending a body whose answer is already written. */
const LINGER_MS = 1000;
const LINGER_OCTETS = 1024 * 1024;

/**
 * Ends an answer to a client that is still sending its body. Closing at once would reset the connection and could
 * take the answer with it (RFC 9112 section 9.6), so the answer goes out whole and the connection closes a little later.
 */
export function lingerThenEnd(
  request: IncomingMessage,
  response: ServerResponse,
  last: Buffer | undefined,
  clock: Clock,
): void {
  if (last && last.length > 0) response.write(last);
  else response.flushHeaders();
  let swallowed = 0;
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    stop();
    response.end();
  };
  const stop = clock.after(LINGER_MS, end, "background");
  request.on("data", (chunk: Buffer) => {
    swallowed += chunk.length;
    if (swallowed > LINGER_OCTETS) end();
  });
  request.on("end", end);
  request.on("close", end);
  request.resume();
}
