import type { EventBus } from "../core/events.ts";
import type { Exchange } from "../core/exchange.ts";

/** The ends of exchanges whose outcome has no body that would tell: tunnels, and those handed on to a host application. */
export interface Ends {
  /** Calls `left` once the exchange is over. */
  hold(exchange: Exchange, left: () => void): void;
  close(): void;
}

export function createEnds(bus: EventBus): Ends {
  const held = new Map<Exchange, () => void>();
  const close = bus.subscribe("spillway:exchange", ({ exchange }) => {
    const left = held.size > 0 ? held.get(exchange) : undefined;
    if (!left) return;
    held.delete(exchange);
    left();
  });
  return { hold: (exchange, left) => void held.set(exchange, left), close };
}
