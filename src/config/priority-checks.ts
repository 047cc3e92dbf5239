import type { Finding, Path } from "./place.ts";

type Data = Readonly<Record<string, unknown>>;

const map = (value: unknown): Data | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Data) : undefined;

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** What `identity` and `priority` need of each other, and of the rest. */
export function priorityChecks(config: Data): Finding[] {
  return [...identityTwice(config), ...keysOfNobody(config), ...claimsOfNobody(config), ...tenantsOfNobody(config)];
}

function identityTwice(config: Data): Finding[] {
  if (config["identity"] === undefined || map(config["cache"])?.["identity"] === undefined) return [];
  const message = "tokens are verified in one way: keep identity, which the cache uses too, and take this out";
  return [{ path: ["cache", "identity"], at: "key", message }];
}

function keysOfNobody(config: Data): Finding[] {
  const dependencies = Object.keys(map(config["dependencies"]) ?? {});
  const places: readonly Path[] = [["identity"], ["cache", "identity"]];
  return places.flatMap((place) => {
    let identity: unknown = config;
    for (const key of place) identity = map(identity)?.[key];
    const name = map(map(map(identity)?.["jwt"])?.["jwks"])?.["dependency"];
    if (typeof name !== "string" || dependencies.includes(name)) return [];
    const message = `there is no dependency ${JSON.stringify(name)} to get the keys from: declare it under dependencies`;
    return [{ path: [...place, "jwt", "jwks", "dependency"], at: "value" as const, message }];
  });
}

function claimsOfNobody(config: Data): Finding[] {
  if (config["identity"] !== undefined || map(config["cache"])?.["identity"] !== undefined) return [];
  const priority = map(config["priority"]);
  const message = "no token is verified without identity: say there how, or take this out";
  const findings: Finding[] = [];
  if (priority?.["claim"] !== undefined) findings.push({ path: ["priority", "claim"], at: "key", message });
  for (const [index, source] of list(priority?.["tenant"]).entries()) {
    if (map(source)?.["claim"] === undefined) continue;
    findings.push({ path: ["priority", "tenant", index, "claim"], at: "key", message });
  }
  return findings;
}

/** A table of names that nothing could ever say. */
function tenantsOfNobody(config: Data): Finding[] {
  const priority = map(config["priority"]);
  if (Object.keys(map(priority?.["tenants"]) ?? {}).length === 0) return [];
  const named = list(priority?.["tenant"]).some(
    (source) => map(source)?.["claim"] !== undefined || map(source)?.["header"] !== undefined,
  );
  if (named) return [];
  const message = "no tenant has a name: say in priority.tenant which claim or field names it";
  return [{ path: ["priority", "tenants"], at: "key", message }];
}
