import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadConfigFile, validateConfig } from "../../../src/config/load.ts";

const ENVIRONMENT: Readonly<Record<string, Record<string, string>>> = {
  "default.yaml": {},
  "caching.yaml": { SPILLWAY_JWT_SECRET: "0".repeat(32) },
  "staging.yaml": { SPILLWAY_OPS_TOKEN: "0".repeat(32) },
  "production.yaml": {
    CATALOG_A_URL: "http://catalog-a:3001",
    CATALOG_B_URL: "http://catalog-b:3001",
    CHECKOUT_URL: "https://checkout.internal",
    SPILLWAY_OPS_TOKEN: "0".repeat(32),
    SPILLWAY_METRICS_TOKEN: "1".repeat(32),
  },
};

const example = (name: string) => fileURLToPath(new URL(`../../../config/${name}`, import.meta.url));

test("default.yaml shows the defaults of the listeners and the drain", async () => {
  const { config } = await loadConfigFile(example("default.yaml"), {});
  const { config: bare } = validateConfig({ routes: [{ match: { path: "/*" }, respond: { status: 200 } }] });
  for (const key of ["listen", "ops", "drain"] as const) assert.deepEqual(config[key], bare[key]);
});

for (const [name, env] of Object.entries(ENVIRONMENT)) {
  const file = example(name);

  test(`${name} loads without a warning and names its schema`, async () => {
    assert.deepEqual((await loadConfigFile(file, env)).warnings, []);
    assert.match(await readFile(file, "utf8"), /^# yaml-language-server: \$schema=\.\/schema\.json\n/);
  });

  test(`${name} names every variable that it needs`, async () => {
    for (const missing of Object.keys(env)) {
      const { [missing]: _, ...rest } = env;
      await assert.rejects(loadConfigFile(file, rest), new RegExp(`environment variable ${missing} is not set`));
    }
  });
}

test("caching.yaml gives each kind of answer a lifetime of the guide", async () => {
  const { config } = await loadConfigFile(example("caching.yaml"), ENVIRONMENT["caching.yaml"]!);
  const minutes = (name: string): number => {
    const cache = config.routes.find((route) => route.name === name)?.cache;
    const ttl = typeof cache === "object" ? cache.ttl : undefined;
    return (typeof ttl === "number" ? ttl : 0) / 60_000;
  };
  const guide = { static: [10_080, 10_080], profile: [10, 30], session: [60, 60], dashboard: [5, 10], search: [1, 5] };
  for (const [name, [least, most]] of Object.entries(guide)) {
    assert.ok(minutes(name) >= least! && minutes(name) <= most!, `${name}: ${minutes(name)} minutes`);
  }
});
