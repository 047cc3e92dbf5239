import type { Clock } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { ExchangeEnded, TurnedAway } from "../../src/core/events.ts";
import { validateConfig } from "../../src/config/load.ts";
import { loadMaterial } from "../../src/config/material.ts";
import { createGateway, type Gateway, type GatewayParts } from "../../src/gateway.ts";

/** A gateway in this process on a free loopback port, with what it told on its channels. */
export interface TestGateway extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly port: number;
  readonly ended: ExchangeEnded[];
  readonly turnedAway: TurnedAway[];
  /** Puts another configuration in force: the same shape as for `startGateway`. */
  apply(input: TestConfig): Promise<void>;
}

/** A configuration as YAML has it; `listen.port` and `host` are filled in, and a lone `target` becomes a `/*` route. */
export interface TestConfig {
  readonly target?: string;
  readonly listen?: object;
  readonly drain?: object;
  readonly dependencies?: object;
  readonly routes?: readonly object[];
  readonly cache?: object;
  readonly redis?: object;
  readonly identity?: object;
  readonly priority?: object;
  /** Settings of the one dependency that `target` makes, beside `http`. */
  readonly dependency?: object;
  /** Settings of the one route that `target` makes, beside `match` and `dependency`. */
  readonly route?: object;
}

function complete(input: TestConfig): object {
  const { target, dependency, route, listen, drain, dependencies, routes, cache, redis, identity, priority } = input;
  return {
    // Client, gateway and origin share one event loop in a test: how full it is says nothing of the gateway, and how fast
    // the origin answers nothing of the origin. Tests of admission say what limit they want.
    listen: { host: "127.0.0.1", port: 0, name: "spillway", saturation: "off", ...listen },
    drain: { delay: "0ms", timeout: "2s", ...drain },
    ...(cache && { cache }),
    ...(redis && { redis }),
    ...(identity && { identity }),
    ...(priority && { priority }),
    dependencies: {
      ...(target && { origin: { http: { targets: [target] }, limit: "off", ...dependency } }),
      ...dependencies,
    },
    routes: [
      ...(routes ?? []),
      ...(target ? [{ name: "all", match: { path: "/*" }, dependency: "origin", ...route }] : []),
    ],
  };
}

export async function startGateway(
  input: TestConfig,
  clock: Clock = systemClock,
  parts: Pick<GatewayParts, "level" | "resolve"> = {},
): Promise<TestGateway> {
  const { config } = validateConfig(complete(input));
  const gateway = createGateway(config, { ...parts, material: await loadMaterial(config, "config"), clock });
  const ended: ExchangeEnded[] = [];
  const turnedAway: TurnedAway[] = [];
  gateway.bus.subscribe("spillway:exchange", (event) => void ended.push(event));
  gateway.bus.subscribe("spillway:turned-away", (event) => void turnedAway.push(event));
  const port = await gateway.listen();
  return {
    gateway,
    port,
    ended,
    turnedAway,
    async apply(next) {
      const { config } = validateConfig(complete(next));
      gateway.apply(config, await loadMaterial(config, "config"));
    },
    [Symbol.asyncDispose]: () => gateway.close(),
  };
}
