import { kindsOf, type Lifetimes } from "../cache/settings.ts";
import { formatDuration, parseDuration } from "../core/units.ts";
import { nearest } from "./nearest.ts";
import type { Finding, Path } from "./place.ts";

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;

/** What routes and classes say of tiers and of each other, in data that may not be valid. */
export function cacheChecks(config: Fields): Finding[] {
  const cache = fieldsOf(config["cache"]) ?? {};
  const classes = fieldsOf(cache["classes"]) ?? {};
  const tiers = [
    "memory",
    ...(config["redis"] === undefined ? [] : ["redis"]),
    ...(cache["postgres"] === undefined ? [] : ["postgres"]),
  ];
  const routes = Array.isArray(config["routes"]) ? (config["routes"] as readonly unknown[]) : [];
  return [
    ...Object.entries(classes).flatMap(([name, given]) =>
      tierChecks(fieldsOf(given)?.["tiers"], ["cache", "classes", name, "tiers"], tiers),
    ),
    ...routes.flatMap((route, index) => {
      const own = fieldsOf(fieldsOf(route)?.["cache"]) ?? {};
      const path = ["routes", index, "cache"];
      return [
        ...kindChecks(own, path, fieldsOf(cache["lifetimes"]) ?? {}),
        ...classChecks(own, path, classes),
        ...tierChecks(own["tiers"], [...path, "tiers"], tiers),
        ...(cache["demotion"] === "farther" ? demotionChecks(own, path, classes, tiers) : []),
      ];
    }),
  ];
}

function kindChecks(own: Fields, path: Path, lifetimes: Fields): Finding[] {
  const kind = fieldsOf(own["ttl"])?.["kind"];
  const known = kindsOf(lifetimes as Lifetimes);
  if (typeof kind !== "string" || known.includes(kind)) return [];
  const meant = nearest(kind, known);
  const remedy = meant === undefined ? `there are ${known.slice(0, 10).join(", ")}` : `did you mean "${meant}"?`;
  const message = `there is no kind ${JSON.stringify(kind)} in cache.lifetimes: ${remedy}`;
  return [{ path: [...path, "ttl", "kind"], at: "value", message }];
}

function classChecks(own: Fields, path: Path, classes: Fields): Finding[] {
  const name = own["class"];
  if (typeof name !== "string") return [];
  if (!Object.hasOwn(classes, name)) {
    const known = Object.keys(classes);
    const meant = nearest(name, known);
    const all = known.length > 0 ? `known are ${known.slice(0, 10).join(", ")}` : "none is declared";
    const remedy = meant === undefined ? all : `did you mean "${meant}"?`;
    const message = `there is no class ${JSON.stringify(name)} in cache.classes: ${remedy}`;
    return [{ path: [...path, "class"], at: "value", message }];
  }
  const range = fieldsOf(fieldsOf(classes[name])?.["ttl"]);
  const [ttl, min, max] = [own["ttl"], range?.["min"], range?.["max"]].map((text) =>
    typeof text === "string" ? parseDuration(text) : undefined,
  );
  if (ttl === undefined || min === undefined || max === undefined || (ttl >= min && ttl <= max)) return [];
  const message = `class ${JSON.stringify(name)} has a ttl from ${formatDuration(min)} to ${formatDuration(max)}, got ${formatDuration(ttl)}: change it, or name another class`;
  return [{ path: [...path, "ttl"], at: "value", message }];
}

const REMEDIES: Readonly<Record<string, string>> = { redis: "add redis", postgres: "add cache.postgres" };

const namesOf = (chosen: unknown): readonly unknown[] =>
  Array.isArray(chosen) ? chosen : Object.keys(fieldsOf(chosen) ?? {});

/** What gives way in memory goes where the memory's class says: a route may not have left that out. */
function demotionChecks(own: Fields, path: Path, classes: Fields, tiers: readonly string[]): Finding[] {
  if (own["tiers"] === undefined || !namesOf(own["tiers"]).includes("memory")) return [];
  const ofClass = typeof own["class"] === "string" ? fieldsOf(classes[own["class"]])?.["tiers"] : undefined;
  const behind = (ofClass === undefined ? tiers : namesOf(ofClass)).filter((name) => name !== "memory");
  const left = behind.filter((name) => !namesOf(own["tiers"]).includes(name));
  if (left.length === 0) return [];
  const message = `leaves out ${left.join(" and ")}, where cache.demotion puts what gives way in memory: name a class with these tiers, or turn demotion off`;
  return [{ path: [...path, "tiers"], at: "key", message }];
}

/** Tiers that are chosen and not there. */
function tierChecks(chosen: unknown, path: Path, tiers: readonly string[]): Finding[] {
  const listed = Array.isArray(chosen);
  const names = namesOf(chosen);
  return names.flatMap((name, index): Finding[] => {
    if (typeof name !== "string" || tiers.includes(name) || !Object.hasOwn(REMEDIES, name)) return [];
    const message = `there is no tier ${name} in this configuration: ${REMEDIES[name]}, or take it out here`;
    return [{ path: [...path, listed ? index : name], at: listed ? "value" : "key", message }];
  });
}
