import { holesOf } from "../cache/settings.ts";
import { isLoopback } from "../core/address.ts";
import { cacheChecks } from "./cache-checks.ts";
import { unreachable, type Matched } from "./reach.ts";
import { limitChecks } from "./limit-checks.ts";
import { nearest } from "./nearest.ts";
import { priorityChecks } from "./priority-checks.ts";
import type { Finding, Path } from "./place.ts";
import { unnamedRoute } from "./schema.ts";

/** Who takes the configuration: a gateway of its own, or an application that "next" can hand requests to. */
export type Host = "gateway" | "application";

/**
 * What no single key can say: references, pairs that exclude each other, names used twice. Reads the data as it came,
 * valid or not, so that these errors are told together with those of the schema.
 */
export function crossChecks(input: unknown, host: Host): Finding[] {
  const config = map(input);
  if (!config) return [];
  const dependencies = map(config["dependencies"]) ?? {};
  const routes = list(config["routes"]);
  return [
    ...listenChecks(config),
    ...opsChecks(map(config["ops"]) ?? {}),
    ...reservedNames(dependencies),
    ...routes.flatMap((route, index) => routeChecks(map(route), ["routes", index], Object.keys(dependencies), host)),
    ...routes.flatMap((route, index) => tagChecks(map(route) ?? {}, ["routes", index])),
    ...routes.flatMap((route, index) => withoutEffect(map(route) ?? {}, ["routes", index])),
    ...cacheChecks(config),
    ...identityChecks(config, routes),
    ...priorityChecks(config),
    ...nameChecks(routes),
    ...limitChecks(config, routes, (index) => nameOf(routes[index], index)),
    ...unreachable(routes.map(matched)),
  ];
}

const map = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function listenChecks(config: Readonly<Record<string, unknown>>): Finding[] {
  const listen = map(config["listen"]) ?? {};
  const findings: Finding[] = [];
  if (listen["h2c"] === true && map(listen["tls"])) {
    const message = "h2c is HTTP/2 without TLS: take out either h2c or tls (tls.http2 offers HTTP/2 over TLS)";
    findings.push({ path: ["listen", "h2c"], at: "key", message });
  }
  const port = listen["port"] ?? 8080;
  const ops = map(config["ops"]) ?? {};
  const opsPort = ops["port"] ?? 9901;
  if (typeof port === "number" && port === opsPort && port !== 0) {
    const path = ops["port"] === undefined ? ["listen", "port"] : ["ops", "port"];
    findings.push({ path, at: "value", message: `listen.port and ops.port are both ${port}: choose two` });
  }
  return findings;
}

function opsChecks(ops: Readonly<Record<string, unknown>>): Finding[] {
  const findings: Finding[] = [];
  const host = ops["host"];
  const tokens = list(ops["tokens"]);
  if (typeof host === "string" && !isLoopback(host) && tokens.length === 0) {
    const message = `refused: ${JSON.stringify(host)} is beyond loopback and there is no token: add one to ops.tokens (openssl rand -hex 32) or use 127.0.0.1`;
    findings.push({ path: ["ops", "host"], at: "value", message });
  }
  for (const key of ["token", "name"] as const) {
    const first = new Map<string, number>();
    for (const [index, entry] of tokens.entries()) {
      const value = map(entry)?.[key];
      if (typeof value !== "string") continue;
      const earlier = first.get(value);
      if (earlier === undefined) first.set(value, index);
      else {
        const message = `the same ${key} as in ops.tokens.${earlier}: every ${key} must be its own`;
        findings.push({ path: ["ops", "tokens", index, key], at: "value", message });
      }
    }
  }
  return findings;
}

function reservedNames(dependencies: Readonly<Record<string, unknown>>): Finding[] {
  if (!Object.hasOwn(dependencies, "next")) return [];
  const message = '"next" means the host application and cannot name a dependency: choose another name';
  return [{ path: ["dependencies", "next"], at: "key", message }];
}

function routeChecks(
  route: Readonly<Record<string, unknown>> | undefined,
  path: Path,
  dependencies: readonly string[],
  host: Host,
): Finding[] {
  if (!route) return [];
  const asks = route["dependency"] !== undefined;
  const answers = route["respond"] !== undefined;
  if (asks && answers) {
    const message = "a route has either a dependency or a fixed answer: take out one of dependency and respond";
    return [{ path: [...path, "respond"], at: "key", message }];
  }
  if (!asks && !answers) {
    const message = "is missing: a route needs either a dependency or a fixed answer in respond";
    return [{ path: [...path, "dependency"], at: "value", message }];
  }
  const name = route["dependency"];
  const caches = route["cache"] !== undefined && route["cache"] !== "off";
  if (caches && (answers || name === "next")) {
    const message = "only answers of a dependency are kept: take out cache, or name a dependency";
    return [{ path: [...path, "cache"], at: "key", message }];
  }
  if (typeof name !== "string" || dependencies.includes(name)) return [];
  if (name === "next") return host === "application" ? [] : [nextRefused(path)];
  const meant = nearest(name, dependencies);
  const known = dependencies.length > 0 ? `known are ${dependencies.slice(0, 10).join(", ")}` : "none is declared";
  const remedy = meant === undefined ? known : `did you mean "${meant}"?`;
  return [
    {
      path: [...path, "dependency"],
      at: "value",
      message: `there is no dependency ${JSON.stringify(name)}: ${remedy}`,
    },
  ];
}

/** A tag is filled in from the path: a parameter that its pattern does not have would leave a hole for ever. */
function tagChecks(route: Readonly<Record<string, unknown>>, path: Path): Finding[] {
  const pattern = map(route["match"])?.["path"];
  const names = typeof pattern === "string" ? Array.from(pattern.matchAll(/\/:(\w+)/g), ([, name]) => name!) : [];
  const given = [
    ...list(map(route["cache"])?.["tags"]).map((tag, index) => ({ tag, at: ["cache", "tags", index] })),
    ...list(route["purges"]).map((tag, index) => ({ tag, at: ["purges", index] })),
  ];
  return given.flatMap(({ tag, at }) =>
    (typeof tag === "string" ? holesOf(tag) : [])
      .filter((hole) => !names.includes(hole))
      .map((hole): Finding => {
        const known = names.length > 0 ? `it has ${names.map((name) => `:${name}`).join(", ")}` : "it has none";
        const message = `the path has no parameter ":${hole}" for ${JSON.stringify(tag)}: ${known}`;
        return { path: [...path, ...at], at: "value", message };
      }),
  );
}

/** Who asks is in a key only where something can tell who that is. */
function identityChecks(config: Readonly<Record<string, unknown>>, routes: readonly unknown[]): Finding[] {
  if (config["identity"] !== undefined || map(config["cache"])?.["identity"] !== undefined) return [];
  return routes.flatMap((route, index) => {
    const sources = list(map(map(route)?.["cache"])?.["varyBy"]);
    const at = sources.findIndex(
      (source) => source === "user" || source === "role" || map(source)?.["claim"] !== undefined,
    );
    if (at < 0) return [];
    const message =
      "nobody is known without cache.identity or identity: say there how tokens are verified, or take this out";
    return [{ path: ["routes", index, "cache", "varyBy", at], at: "value", message }];
  });
}

/** Keys that only matter where a dependency is asked. */
const ASKING = ["rewrite", "requestHeaders", "timeout", "websocket", "trailers"] as const;

/** Settings of a route that nothing would heed: whoever wrote them counts on them. */
function withoutEffect(route: Readonly<Record<string, unknown>>, path: Path): Finding[] {
  const fixed = route["respond"] !== undefined;
  if (!fixed && route["dependency"] !== "next") return [];
  const keys = fixed ? ASKING : [...ASKING, "responseHeaders"];
  const where = fixed ? "on a fixed answer" : 'with "next": the host application sees to it';
  return keys
    .filter((key) => route[key] !== undefined && route[key] !== false)
    .map((key) => ({ path: [...path, key], at: "key", message: `has no effect ${where}; take it out` }));
}

function nextRefused(path: Path): Finding {
  const message = '"next" hands a request to a host application, and a gateway has none: name a dependency';
  return { path: [...path, "dependency"], at: "value", message };
}

function nameOf(route: unknown, index: number): string {
  const given = map(route)?.["name"];
  return typeof given === "string" ? given : unnamedRoute(index);
}

function nameChecks(routes: readonly unknown[]): Finding[] {
  const first = new Map<string, number>();
  const findings: Finding[] = [];
  for (const [index, route] of routes.entries()) {
    const given = map(route)?.["name"];
    const name = nameOf(route, index);
    const earlier = first.get(name);
    if (earlier === undefined) {
      first.set(name, index);
      continue;
    }
    const message =
      given === undefined
        ? `without a name this route is called ${name}, and so is routes.${earlier}: name one of them otherwise`
        : `the name ${JSON.stringify(name)} is taken by routes.${earlier}: every route has its own`;
    findings.push({ path: given === undefined ? ["routes", index] : ["routes", index, "name"], at: "value", message });
  }
  return findings;
}

function matched(route: unknown): Matched | undefined {
  const match = map(map(route)?.["match"]);
  if (!match) return undefined;
  const { host, path, methods } = match;
  if (typeof path !== "string" || (host !== undefined && typeof host !== "string")) return undefined;
  if (methods !== undefined && !Array.isArray(methods)) return undefined;
  return { host: host?.toLowerCase(), path, methods: methods === undefined ? undefined : methods.map(String) };
}
