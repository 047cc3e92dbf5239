import type { ServerResponse } from "node:http";
import type { Clock } from "../core/clock.ts";
import type { SaturationGuard } from "./saturation.ts";

/**
 * Counts an exchange that is handed on as one that waits for this process: the host application works in it. Until the
 * head of its answer, or until that ends without one: Node has no event for heads, but what is written without
 * `writeHead` comes through it too. An answer of HTTP/2 tells its end only.
 */
export function countHostWork(
  { clock, saturation }: { readonly clock: Clock; readonly saturation: SaturationGuard },
  response: ServerResponse,
  startedAt: number,
): void {
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    saturation.ended(clock.now() - startedAt);
  };
  saturation.began();
  const writeHead = response.writeHead as (...head: unknown[]) => ServerResponse;
  response.writeHead = (...head: unknown[]) => {
    const written = writeHead.apply(response, head);
    // An interim answer (1xx) is no answer.
    if (response.headersSent) end();
    return written;
  };
  response.once("close", end);
}
