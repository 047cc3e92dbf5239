import type { ExchangeEnded } from "../../src/core/events.ts";
import type { Exchange } from "../../src/core/exchange.ts";
import type { Served } from "../../src/core/outcome.ts";

const exchange: Exchange = {
  id: "0123456789abcdef",
  startedAt: 0,
  method: "GET",
  target: "/api/products/7?key=hidden",
  path: "/api/products/7",
  query: "?key=hidden",
  scheme: "http",
  authority: "shop.example:8080",
  headers: ["authorization", "Bearer hidden-header"],
  client: { address: "192.0.2.7", trusted: false },
  route: { name: "products", dependency: "catalog" },
  params: {},
  class: "default",
  tenant: "192.0.2.7",
  cohort: 0,
  deadline: Number.POSITIVE_INFINITY,
  body: undefined,
  trace: {
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    parentId: "00f067aa0ba902b7",
    spanId: "1111111111111111",
    sampled: true,
  },
  departure: { gone: false, onGone: () => () => {} },
  interim: () => {},
  upgrade: undefined,
  handOn: undefined,
};

export const served: Served = { kind: "served", status: 200, headers: [], body: undefined as never, by: "dependency" };

/** What an edge publishes when an answer has ended: a served GET, with the facts a test cares for put in place. */
export function endedExchange(
  facts: Partial<Omit<ExchangeEnded, "exchange">> & { readonly exchange?: Partial<Exchange> } = {},
): Omit<ExchangeEnded, "gateway"> {
  return {
    outcome: served,
    status: 200,
    whole: true,
    bytesOut: 10,
    durationMs: 7,
    dependencyMs: 3,
    ...facts,
    exchange: { ...exchange, ...facts.exchange },
  };
}
