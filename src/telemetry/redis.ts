import type { EventBus } from "../core/events.ts";
import type { View } from "./view.ts";

/** Connections to Redis by what they are for. */
export interface RedisCounts {
  readonly roles: ReadonlyMap<string, { up: 0 | 1; lost: number }>;
  /** Stops listening; what was counted can still be read. */
  readonly close: () => void;
}

/** Roles are words of ours, so this is a safety net. */
const MOST_ROLES = 32;

export function createRedisCounts(bus: EventBus): RedisCounts {
  const roles = new Map<string, { up: 0 | 1; lost: number }>();
  const close = bus.subscribe("spillway:redis", ({ role, state }) => {
    let known = roles.get(role);
    if (!known) {
      if (roles.size >= MOST_ROLES) return;
      roles.set(role, (known = { up: 0, lost: 0 }));
    }
    known.up = state === "up" ? 1 : 0;
    if (state === "down") known.lost += 1;
  });
  return { roles, close };
}

/** The metrics of {@link RedisCounts}. */
export function redisViews({ roles }: RedisCounts): View[] {
  return [
    {
      name: "spillway_redis_up",
      help: "1 while there is a connection to Redis for this; of several processes the worst",
      type: "gauge",
      aggregator: "min",
      samples: () => Array.from(roles, ([role, { up }]) => ({ labels: { role }, value: up })),
    },
    {
      name: "spillway_redis_losses_total",
      help: "Times that the connection was lost, or could not be had at first",
      type: "counter",
      aggregator: "sum",
      samples: () => Array.from(roles, ([role, { lost }]) => ({ labels: { role }, value: lost })),
    },
  ];
}
