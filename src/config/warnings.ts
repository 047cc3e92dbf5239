import { cachePolicy } from "../cache/settings.ts";
import { formatDuration } from "../core/units.ts";
import { valueAt } from "./explain.ts";
import type { Finding, Path } from "./place.ts";
import { identityOf, type Config } from "./schema.ts";
import { warmWarnings } from "./warm-checks.ts";

/**
 * Settings that contradict each other yet can be served. Two defaults never do: one of the two must have been written
 * in `input`.
 */
export function contradictions(config: Config, input: unknown): Finding[] {
  const written = (path: Path) => valueAt(input, path) !== undefined;
  return [
    ...timeoutWarnings(config, written),
    ...unusedDependencies(config),
    ...unusedClasses(config),
    ...limitWarnings(config),
    ...openProxies(config),
    ...warmWarnings(config),
    ...unsealedTiers(config),
  ];
}

interface Wait {
  readonly path: Path;
  readonly ms: number;
}

function timeoutWarnings({ listen, drain, dependencies, routes }: Config, written: (path: Path) => boolean): Finding[] {
  const findings: Finding[] = [];
  const request: Wait = { path: ["listen", "requestTimeout"], ms: listen.requestTimeout };
  const drained: Wait = { path: ["drain", "timeout"], ms: drain.timeout };
  /** `long` outlives `short`: what that leads to. Told at the one of the two that was written. */
  const compare = (long: Wait, short: Wait, consequence: string) => {
    if (long.ms <= short.ms || !(written(long.path) || written(short.path))) return;
    const [path, text] = written(long.path)
      ? [long.path, `is longer than ${short.path.join(".")} (${formatDuration(short.ms)})`]
      : [short.path, `is shorter than ${long.path.join(".")} (${formatDuration(long.ms)})`];
    findings.push({ path, at: "value", message: `${text}: ${consequence}` });
  };
  const heads: Wait[] = [
    ...Object.entries(dependencies).map(([name, { timeout }]) => ({
      path: ["dependencies", name, "timeout"],
      ms: timeout,
    })),
    ...routes.flatMap(({ timeout }, index) =>
      timeout === undefined ? [] : [{ path: ["routes", index, "timeout"], ms: timeout }],
    ),
  ];
  for (const head of heads) {
    compare(head, request, "the exchange ends before the dependency's time is over");
    compare(head, drained, "a drain may cut requests that the dependency would still have answered");
  }
  for (const [name, { connectTimeout, timeout }] of Object.entries(dependencies)) {
    const connect: Wait = { path: ["dependencies", name, "connectTimeout"], ms: connectTimeout };
    const head: Wait = { path: ["dependencies", name, "timeout"], ms: timeout };
    if (written(connect.path)) compare(connect, head, "a connection attempt never gets that long");
  }
  return findings;
}

function unusedDependencies(config: Config): Finding[] {
  const { dependencies, routes } = config;
  const used = new Set(routes.map((route) => route.dependency));
  const jwks = identityOf(config)?.settings.jwt.jwks;
  if (jwks && "dependency" in jwks) used.add(jwks.dependency);
  return Object.keys(dependencies)
    .filter((name) => !used.has(name))
    .map((name) => ({ path: ["dependencies", name], at: "key", message: "no route uses this dependency" }));
}

function unusedClasses({ cache, routes }: Config): Finding[] {
  const used = new Set(routes.map((route) => (typeof route.cache === "object" ? route.cache.class : undefined)));
  return Object.keys(cache.classes)
    .filter((name) => !used.has(name))
    .map((name) => ({ path: ["cache", "classes", name], at: "key", message: "no route is of this class" }));
}

/** Quotas that do nothing, or not what was written. */
function limitWarnings({ rateLimits, routes, redis }: Config): Finding[] {
  const uses = routes.flatMap(({ rateLimit }, route) =>
    [rateLimit ?? []].flat().map((rule, index) => {
      const path: Path = ["routes", route, "rateLimit", ...(Array.isArray(rateLimit) ? [index] : [])];
      return { rule, path };
    }),
  );
  const names = new Set(uses.map(({ rule }) => rule));
  const rules = [
    ...Object.entries(rateLimits).map(([name, rule]) => ({ rule, path: ["rateLimits", name] as Path })),
    ...uses.flatMap(({ rule, path }) => (typeof rule === "string" ? [] : [{ rule, path }])),
  ];
  return [
    ...Object.keys(rateLimits)
      .filter((name) => !names.has(name))
      .map((name): Finding => ({ path: ["rateLimits", name], at: "key", message: "no route uses this rate limit" })),
    ...rules.flatMap(({ rule, path }): Finding[] =>
      rule.exact && !redis
        ? [{ path: [...path, "exact"], at: "value", message: "has no effect without redis: each process counts alone" }]
        : [],
    ),
  ];
}

/** Kept answers that others could write. */
function unsealedTiers({ cache, redis, routes }: Config): Finding[] {
  const isCached = routes.some((route) => cachePolicy(route.cache) !== undefined);
  if (cache.secret !== undefined || !isCached) return [];
  const message = "keeps answers without a seal: who may write to it may forge them; set cache.secret";
  return [
    ...(redis ? [{ path: ["redis"], at: "key" as const, message }] : []),
    ...(cache.postgres ? [{ path: ["cache", "postgres"], at: "key" as const, message }] : []),
  ];
}

function openProxies({ listen }: Config): Finding[] {
  return listen.trustedProxies.flatMap((block, index) =>
    /\/0+$/.test(block)
      ? [
          {
            path: ["listen", "trustedProxies", index],
            at: "value",
            message: "trusts every peer: any client may then choose its own address and priority",
          },
        ]
      : [],
  );
}
