import { createHexSource, type Clock, type Random } from "../../core/clock.ts";
import type { EventBus } from "../../core/events.ts";
import type { CacheTier } from "../../core/outcome.ts";
import type { Redis } from "../../core/redis.ts";
import type { CacheSettings } from "../settings.ts";
import type { PostgresSettings } from "../postgres/settings.ts";
import { guarded } from "./guard.ts";
import { createPostgresTier } from "./postgres.ts";
import { createRedisTier } from "./redis.ts";
import { createSealedTier, type SealedParts } from "./sealed.ts";
import type { Tier } from "./tier.ts";
import type { NamedTier } from "./tiers.ts";

export interface OpenParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: EventBus;
  /** Absent: none is configured. */
  readonly redis?: SharedRedis | undefined;
  /** Whose entries they are, where `clear` is not to be about those of others. Absent: those of a gateway, which clears all. */
  readonly scope?: Scope | undefined;
}

/** One of several who share the tiers. */
export interface Scope {
  readonly name: string;
  /** Begins its keys, and nobody else's. */
  readonly keys: string;
}

/** The Redis of all instances. */
export interface SharedRedis {
  readonly redis: Redis;
  /** Begins every key. */
  readonly prefix: string;
  /** Milliseconds that a request waits for it. */
  readonly deadline: number;
}

/** Milliseconds after which nothing is expected of a call any more: of a look, or of a write, for which nobody waits. */
const LATEST = 500;
/** Octets of a frame beside the body. */
const MOST_HEAD = 128 * 1024;

/** The tiers outside this process that the settings name, nearest first. */
export function openFarther(settings: CacheSettings, parts: OpenParts): readonly NamedTier[] {
  const { postgres } = settings;
  const { redis } = parts;
  const tiers: NamedTier[] = [];
  if (redis) tiers.push({ name: "redis", tier: openRedis(redis, settings, parts) });
  if (postgres) tiers.push({ name: "postgres", tier: openPostgres(settings, postgres, parts) });
  return tiers;
}

function openRedis(shared: SharedRedis, settings: CacheSettings, parts: OpenParts): Tier {
  const { redis, prefix, deadline } = shared;
  const { clock, random, bus, scope } = parts;
  // The guard ends a look in time; what comes later still tells that Redis lives.
  const reading = redis.link("cache", LATEST);
  const writing = redis.link("cache-write", LATEST);
  const longest = settings.maxEntry + MOST_HEAD;
  const unique = createHexSource(8);
  const own = scope ? `${prefix}:${scope.name}` : prefix;
  const sealed = createSealedTier(sealing("redis", settings, parts), (codec) =>
    createRedisTier({ clock, codec, reading, writing, prefix: own, longest, unique }),
  );
  const tier = guarded(sealed, { name: "redis", clock, random, bus, deadline });
  reading.onState((state) => {
    if (state === "up") tier.reconnected();
  });
  return tier;
}

function openPostgres(settings: CacheSettings, postgres: PostgresSettings, parts: OpenParts): Tier {
  const { clock, random, bus, scope } = parts;
  const connected = (): void => guard.reconnected();
  const upkeepFailed = (error: Error): void =>
    bus.publish("spillway:fault", { where: "the upkeep of the PostgreSQL tier", error });
  const tier = createSealedTier(sealing("postgres", settings, parts), (codec) =>
    createPostgresTier(postgres, { clock, random, codec, connected, upkeepFailed, within: scope?.keys }),
  );
  const guard = guarded(tier, { ...parts, name: "postgres", deadline: postgres.deadline });
  return guard;
}

const sealing = (tier: CacheTier, settings: CacheSettings, { clock, bus }: OpenParts): SealedParts => ({
  clock,
  secrets: settings.secret === undefined ? [] : [settings.secret, ...settings.previousSecrets],
  rejected: (reason) => bus.publish("spillway:cache-rejected", { tier, reason }),
  quarantined: () => bus.publish("spillway:cache-removed", { reason: "errors", count: 1 }),
});
