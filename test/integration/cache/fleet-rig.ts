import { fairClock } from "../../support/fair-clock.ts";
import { startGateway, type TestConfig, type TestGateway } from "../../support/gateway.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startOrigin } from "../../support/raw-origin.ts";
import { until } from "../../support/wait.ts";
import type { Answer, Behaviour } from "./cache-rig.ts";

/** Several gateways in front of one origin, with one Redis. */
export interface Fleet extends AsyncDisposable {
  readonly gateways: readonly TestGateway[];
  /** Requests that reached the origin. */
  calls(): number;
  behave(behaviour: Behaviour): void;
  /** One request to gateway number `at`, from 0, on a connection of its own. */
  ask(at: number, path?: string, fields?: string): Promise<Answer>;
  /** So many at once, dealt out to all gateways. */
  herd(count: number, path?: string): Promise<Answer[]>;
  /** What every gateway told of its tier and its connections, in order, each as `redis:cache:up` or `tier:open`. */
  readonly told: string[];
}

/** `redis` as under that key. Resolves when all its connections are up, unless told not to wait. */
export async function startFleet(
  count: number,
  redis: object,
  first: Behaviour,
  options: { readonly cache?: object | string; readonly config?: TestConfig; readonly wait?: false } = {},
): Promise<Fleet> {
  await using started = new AsyncDisposableStack();
  let behaviour = first;
  let calls = 0;
  const origin = await startOrigin((request, response) => behaviour(request, response, ++calls));
  started.defer(() => origin.close());
  const gateways: TestGateway[] = [];
  const told: string[] = [];
  const up = new Set<string>();
  for (let at = 0; at < count; at++) {
    const route = { cache: options.cache ?? "origin" };
    const gateway = started.use(await startGateway({ target: origin.url, route, redis, ...options.config }));
    gateways.push(gateway);
    gateway.gateway.bus.subscribe("spillway:cache-tier", ({ state }) => void told.push(`tier:${state}`));
    gateway.gateway.bus.subscribe("spillway:redis", ({ role, state }) => {
      told.push(`redis:${role}:${state}`);
      if (state === "up") up.add(`${at}:${role}`);
    });
  }
  if (options.wait !== false) {
    const roles = ["cache", "cache-write", "lease"];
    const all = (): boolean => gateways.every((_, at) => roles.every((role) => up.has(`${at}:${role}`)));
    await until(all, { timeoutMs: 30_000, what: () => `all are connected; told: ${told.join(" ")}` });
  }
  const ask = async (at: number, path = "/x", fields = ""): Promise<Answer> => {
    using client = await connectRaw(gateways[at]!.port);
    const startedAt = fairClock.now();
    await client.send(`GET ${path} HTTP/1.1\r\nHost: shop.example\r\n${fields}\r\n`);
    const raw = await client.readResponse({ method: "GET", timeoutMs: 30_000 });
    const ms = fairClock.now() - startedAt;
    return { status: raw.status, text: raw.text(), cache: raw.header("cache-status") ?? "", ms, raw };
  };
  const held = started.move();
  return {
    gateways,
    told,
    calls: () => calls,
    behave: (next) => void (behaviour = next),
    ask,
    herd: (many, path) => Promise.all(Array.from({ length: many }, (_, index) => ask(index % count, path))),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
