import assert from "node:assert/strict";
import { test } from "node:test";
import { compileCascade } from "../../../src/cache/tags/cascade.ts";
import type { Purge } from "../../../src/cache/tags/ledger.ts";
import { compileTags } from "../../../src/cache/tags/route-tags.ts";
import { createWritePurgeStage } from "../../../src/cache/write-purge.ts";
import { failed, refused, type Outcome } from "../../../src/core/outcome.ts";
import { endedExchange, served } from "../../support/ended-exchange.ts";

async function purgesOf(method: string, outcome: Outcome): Promise<readonly Purge[]> {
  const purges: Purge[] = [];
  const purge = async (one: Purge) => purges.push(one);
  const cascade = compileCascade({ "item:7": ["home"] });
  const stage = createWritePurgeStage(compileTags([], ["items", "item:{id}"]), { purge, cascade });
  const handler = stage(async () => outcome);
  assert.equal(await handler({ ...endedExchange().exchange, method, params: { id: "7" } }), outcome);
  return purges;
}

test("C62: a write that succeeded purges the route's tags and what depends on them, as changed data", async () => {
  const targets = ["items", "item:7", "home"].map((tag) => ({ kind: "tag", tag }));
  for (const [method, status] of [
    ["POST", 201],
    ["PUT", 204],
    ["DELETE", 200],
    ["PATCH", 303],
  ] as const) {
    const purges = await purgesOf(method, { ...served, status });
    assert.deepEqual(purges, [{ targets, soft: false, changed: true }], method);
  }
});

test("C62: one that failed, was refused or only reads purges nothing", async () => {
  for (const status of [400, 404, 409, 500, 503]) assert.deepEqual(await purgesOf("POST", { ...served, status }), []);
  assert.deepEqual(await purgesOf("POST", refused("memory", "")), []);
  assert.deepEqual(await purgesOf("POST", failed("reset", "")), []);
  for (const method of ["GET", "HEAD", "OPTIONS"]) assert.deepEqual(await purgesOf(method, served), []);
});
