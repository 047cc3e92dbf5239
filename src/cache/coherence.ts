import type { CacheSettings } from "./settings.ts";
import { Backplane } from "./tags/backplane.ts";
import type { Ledger, Purge } from "./tags/ledger.ts";
import { readPurge, writePurge } from "./tags/purge-text.ts";
import { createRedisLog } from "./tags/redis-log.ts";
import type { OpenParts } from "./tiers/open.ts";
import { Sampler } from "./tiers/sampler.ts";
import type { CacheTime } from "./time.ts";

/** How what is kept here agrees with what other processes keep. */
export interface Coherence {
  /** Absent: there is no Redis, or no backplane is wanted. */
  readonly backplane: Backplane | undefined;
  /** Absent without a backplane, or when none is wanted. */
  readonly sampler: Sampler | undefined;
  /** In force here when it returns; resolves to its position once other instances are told, or cannot be. */
  purge(purge: Purge): Promise<number>;
  /** A purge that another process of this machine was asked for: what it published on `spillway:purged`. */
  hear(purge: string): void;
  close(): Promise<void>;
}

export interface CoherenceParts extends OpenParts {
  readonly ledger: Ledger;
  readonly time: CacheTime;
}

/** Milliseconds for a call to the log: one that hangs is not worth more, for the next look comes after half a second. */
const LOG_DEADLINE = 400;

export function openCoherence({ backplane: wanted }: CacheSettings, parts: CoherenceParts): Coherence {
  const { ledger, time, clock, bus, redis } = parts;
  const backplane =
    redis && wanted !== "off"
      ? new Backplane({
          ledger,
          log: createRedisLog(redis.redis.link("purges", LOG_DEADLINE), redis.prefix, bus.gateway),
          clock,
          time,
          bus,
          lease: wanted.lease,
        })
      : undefined;
  const rate = backplane && wanted !== "off" ? wanted.samples : 0;
  const sampler = rate > 0 ? new Sampler({ clock, time, bus, rate }) : undefined;
  return {
    backplane,
    sampler,
    async purge(purge) {
      if (backplane) return backplane.purge(purge);
      ledger.record(purge);
      bus.publish("spillway:purged", { purge: writePurge(purge, bus.gateway) });
      return ledger.position;
    },
    hear: (purge) => ledger.record(readPurge(purge)),
    async close() {
      sampler?.close();
      await backplane?.close();
    },
  };
}
