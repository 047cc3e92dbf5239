import { z } from "zod";
import { limitSettings } from "../admission/settings.ts";
import { cacheSettings, purgesSettings, routeCacheSettings } from "../cache/settings.ts";
import { redisSettings } from "../cluster/settings.ts";
import { identitySettings, type IdentitySettings } from "../core/identity.ts";
import { notYet } from "../core/not-yet.ts";
import { dependencySettings } from "../dependency/settings.ts";
import { drainSettings, listenSettings } from "../http/settings.ts";
import { rateLimitsSettings, routeRateLimitSettings } from "../limits/settings.ts";
import { opsSettings } from "../ops/settings.ts";
import { prioritySettings, routeSettings } from "../routing/settings.ts";

/** A route's name in metrics and logs when it was given none; `index` from 0. */
export const unnamedRoute = (index: number): string => `route-${index + 1}`;

/** What stands behind the gateway, with what the features add to it. */
const dependency = dependencySettings.safeExtend({ limit: limitSettings });

/** What a request may match, with what the features add to it. */
const route = routeSettings.safeExtend({
  cache: routeCacheSettings,
  purges: purgesSettings,
  rateLimit: routeRateLimitSettings,
});

/** A route as it is in force: with a name, given or made. */
export type NamedRoute = z.output<typeof route> & { readonly name: string };

function named(routes: z.output<typeof route>[]): NamedRoute[] {
  return routes.map((route, index) => ({ ...route, name: route.name ?? unnamedRoute(index) }));
}

/** The whole configuration: fragments of the features, put together. Keys that nobody declared are refused. */
export const configSchema = z
  .strictObject({
    listen: listenSettings,
    ops: opsSettings,
    drain: drainSettings,
    dependencies: z
      .record(
        z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "a name has letters, digits, _ . - only"),
        dependency,
      )
      .default({})
      .describe("What stands behind the gateway, each under a name of its own"),
    routes: z
      .array(route)
      .min(1, "at least one route is needed")
      .transform(named)
      .describe("What may be asked for; the first match wins"),
    identity: identitySettings
      .optional()
      .describe(
        "Who asks, for priority and for routes that keep answers by user, role or claim. Absent: nobody is known",
      ),
    priority: prioritySettings.describe("Who comes first when not all can be served, beside what routes say of it"),
    rateLimits: rateLimitsSettings,
    cache: cacheSettings,
    compression: notYet("compression"),
    degradation: notYet("degradation controller"),
    redis: redisSettings,
  })
  .meta({ title: "Spillway configuration" });

export type Config = z.output<typeof configSchema>;
/** How tokens are verified, wherever it is said, and where that is. */
export function identityOf({ identity, cache }: Config): { settings: IdentitySettings; at: string } | undefined {
  if (identity) return { settings: identity, at: "identity" };
  return cache.identity && { settings: cache.identity, at: "cache.identity" };
}

/** Names of all routes, in order: the labels of metrics. */
export const routeNames = ({ routes }: Config): readonly string[] => routes.map(({ name }) => name);

/** What may be written: every key with a default left out. */
export type ConfigInput = z.input<typeof configSchema>;
