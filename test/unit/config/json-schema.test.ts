import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { configJsonSchema, type JsonSchema, keyFinder } from "../../../src/config/json-schema.ts";

const config = (name: string) => readFile(new URL(`../../../config/${name}`, import.meta.url), "utf8");
const validator = () => new Ajv2020({ allowUnionTypes: true }).compile(configJsonSchema());

test("the shipped schema is the one that the code makes: npm run schema:write", async () => {
  assert.equal(await config("schema.json"), `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
});

for (const name of ["default.yaml", "staging.yaml", "production.yaml", "caching.yaml"]) {
  test(`an editor has nothing to say about ${name} as it is written`, async () => {
    const validate = validator();
    assert.ok(validate(parse(await config(name))), JSON.stringify(validate.errors));
  });
}

test("it refuses what the gateway refuses", () => {
  const validate = validator();
  const routes = [{ match: { path: "/*" }, respond: { status: 200 } }];
  assert.ok(validate({ routes, listen: { port: "${PORT}", headTimeout: "${T:-5s}" } }));
  for (const listen of [{ prot: 1 }, { headTimeout: 5 }, { headTimeout: "5" }, { port: "80" }, { maxBody: "1X" }]) {
    assert.ok(!validate({ routes, listen }), JSON.stringify(listen));
  }
});

test("units and defaults are shown", () => {
  const { listen } = configJsonSchema()["properties"] as { listen: { properties: Record<string, JsonSchema> } };
  const { properties } = listen;
  assert.equal(properties["headTimeout"]!["default"], "5s");
  assert.match(String(properties["headTimeout"]!["description"]), /A duration such as .* at least 10ms, at most 10m$/);
  assert.equal(properties["port"]!["default"], 8080);
});

test("the keys of a path are known through lists, names and alternatives", () => {
  const keys = keyFinder();
  assert.ok(keys([]).includes("routes"));
  assert.ok(keys(["routes", 0, "match"]).includes("methods"));
  assert.deepEqual(keys(["dependencies", "any", "http", "targets", 0]), ["url", "weight"]);
  assert.deepEqual(keys(["listen", "port", "x"]), []);
});
