import type { Exchange } from "../core/exchange.ts";

/**
 * How many requests may be sent again because an idle connection turned out to be closed: a tenth of the traffic and
 * a burst of 64, for a restart closes all idle connections at once. It keeps a dependency that resets everything from getting twice the load.
 */
export class ResendBudget {
  #tokens = BURST;

  /** Counts one request that was sent for the first time. */
  earn(): void {
    if (this.#tokens < BURST) this.#tokens += SHARE;
  }

  /** Takes one resend; false when there is none left. */
  spend(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

const BURST = 64;
const SHARE = 0.1;

/** Whether a request does no harm when it comes twice, and can: it is safe, and its body, if any, is no stream. */
export function isRepeatable({ method, body }: Exchange): boolean {
  return (method === "GET" || method === "HEAD" || method === "OPTIONS") && (!body || body.whole !== undefined);
}
