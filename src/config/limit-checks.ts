import { unnamedRule } from "../limits/settings.ts";
import { nearest } from "./nearest.ts";
import type { Finding, Path } from "./place.ts";

type Map = Readonly<Record<string, unknown>>;

const map = (value: unknown): Map | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Map) : undefined;

/** A rule that a route has for itself, or the name of one, and its place. */
interface Entry {
  readonly value: unknown;
  readonly path: Path;
  /** The name it has when it was given none. */
  readonly made: string;
}

/** Names of quotas: those that routes use are there, and every rule's is its own. `routeName`: a route's, given or made. */
export function limitChecks(config: Map, routes: readonly unknown[], routeName: (index: number) => string): Finding[] {
  const named = Object.keys(map(config["rateLimits"]) ?? {});
  const entries = routes.flatMap((route, index) => entriesOf(map(route)?.["rateLimit"], index, routeName(index)));
  return [...entries.flatMap((entry) => unknownRule(entry, named)), ...takenNames(entries, named)];
}

function entriesOf(rateLimit: unknown, route: number, name: string): Entry[] {
  if (rateLimit === undefined || rateLimit === "off") return [];
  const path: Path = ["routes", route, "rateLimit"];
  if (!Array.isArray(rateLimit)) return [{ value: rateLimit, path, made: name }];
  return rateLimit.map((value: unknown, index) => ({ value, path: [...path, index], made: unnamedRule(name, index) }));
}

function unknownRule({ value, path }: Entry, named: readonly string[]): Finding[] {
  if (typeof value !== "string" || named.includes(value)) return [];
  const meant = nearest(value, named);
  const known = named.length > 0 ? `known are ${named.slice(0, 10).join(", ")}` : "rateLimits declares none";
  const remedy = meant === undefined ? known : `did you mean "${meant}"?`;
  return [{ path, at: "value", message: `there is no rate limit ${JSON.stringify(value)}: ${remedy}` }];
}

/** Clients and metrics know a rule by its name. */
function takenNames(entries: readonly Entry[], named: readonly string[]): Finding[] {
  const first = new Map<string, string>(named.map((name) => [name, `rateLimits.${name}`]));
  const findings: Finding[] = [];
  for (const { value, path, made } of entries) {
    const rule = map(value);
    if (!rule) continue;
    const given = rule["name"];
    const name = typeof given === "string" ? given : made;
    const earlier = first.get(name);
    if (earlier === undefined) {
      first.set(name, path.join("."));
      continue;
    }
    const message = `the name ${JSON.stringify(name)} is taken by ${earlier}: every rate limit has its own, so give this one a name`;
    findings.push({ path: typeof given === "string" ? [...path, "name"] : path, at: "value", message });
  }
  return findings;
}
