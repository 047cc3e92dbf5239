import { Attempts } from "../core/attempts.ts";
import type { Clock, Random } from "../core/clock.ts";
import type { EventBus } from "../core/events.ts";
import { redactText } from "../core/redact.ts";
import type { Redis } from "../core/redis.ts";
import { loadClients } from "./redis-client.ts";
import { RedisConnection } from "./redis-connection.ts";
import { Link } from "./redis-link.ts";
import type { RedisSettings } from "./settings.ts";

export interface RedisParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: EventBus;
  /** Certificate authorities, PEM. Default: those of Node. */
  readonly ca?: string | undefined;
}

/** The configured Redis. Nothing is connected before the first link is asked for. */
export function createRedis(settings: RedisSettings, parts: RedisParts): Redis {
  const { clock, random, bus, ca } = parts;
  const links = new Set<Link>();
  const attempts = new Attempts(clock, random);
  let loaded: ReturnType<typeof loadClients> | undefined;
  return {
    link(role, deadline) {
      const link = new Link({
        clock,
        deadline,
        connect(suffix, onChange) {
          const name = role + suffix;
          return new RedisConnection({
            clock,
            attempts,
            open: async (onReadOnly) =>
              (await (loaded ??= loadClients(settings)))({ name: `${settings.prefix}:${name}`, ca }, onReadOnly),
            onChange(state, reason) {
              bus.publish("spillway:redis", { role: name, state, reason: redactText(reason) });
              onChange(state);
            },
          });
        },
        closed: () => void links.delete(link),
      });
      links.add(link);
      return link;
    },
    async close() {
      await Promise.all([...links].map((link) => link.close()));
    },
  };
}
