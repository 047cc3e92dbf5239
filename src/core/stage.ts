import type { Exchange } from "./exchange.ts";
import type { Outcome } from "./outcome.ts";
import type { Soon } from "./soon.ts";

/**
 * Answers one exchange: at once when nothing has to be waited for. Never throws or rejects on what a client or a dependency
 * does: that is an {@link Outcome}.
 */
export type Handler = (exchange: Exchange) => Soon<Outcome>;

/** One layer of the onion: wraps the handler further in. */
export type Stage = (next: Handler) => Handler;

/** Wraps `innermost` in the stages; the first of them is the outermost. */
export function onion(stages: readonly Stage[], innermost: Handler): Handler {
  let handler = innermost;
  for (let i = stages.length - 1; i >= 0; i--) handler = stages[i]!(handler);
  return handler;
}
