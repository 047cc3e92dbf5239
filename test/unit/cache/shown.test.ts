import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ask } from "../../../src/cache/asked.ts";
import { cacheKey } from "../../../src/cache/key.ts";
import { createShownStage, type Shown } from "../../../src/cache/shown.ts";
import { headerValue } from "../../../src/core/headers.ts";
import { refused, type CacheUse, type Outcome } from "../../../src/core/outcome.ts";
import { endedExchange, served } from "../../support/ended-exchange.ts";

const ask: Ask = (exchange) => ({ key: cacheKey(exchange), exchange, open: exchange, silent: false });

async function fieldsOf(shown: Shown, outcome: Outcome) {
  const told = await createShownStage(shown, ask)!(async () => outcome)(endedExchange().exchange);
  const headers = ("headers" in told && told.headers) || [];
  return ["cache-status", "x-cache", "x-cache-level"].map((name) => headerValue(headers, name));
}

const from = (cache: CacheUse, field = "spillway; hit"): Outcome => ({
  ...served,
  cache,
  headers: ["Cache-Status", "ours is not this; hit", "Cache-Status", field],
});

test("X-Cache says what the cache was, X-Cache-Level where the answer was", async () => {
  const xCache = async (cache: CacheUse) => (await fieldsOf({ key: false, xCache: true }, from(cache))).slice(1);
  assert.deepEqual(await xCache({ result: "hit", tier: "redis" }), ["HIT", "redis"]);
  assert.deepEqual(await xCache({ result: "stale", tier: "memory", staleMs: 1 }), ["STALE", "memory"]);
  assert.deepEqual(await xCache({ result: "fail-safe", tier: "postgres", staleMs: 1 }), ["STALE", "postgres"]);
  assert.deepEqual(await xCache({ result: "miss" }), ["MISS", undefined]);
  assert.deepEqual(await xCache({ result: "fallback" }), ["MISS", undefined]);
  assert.deepEqual(await xCache({ result: "bypass" }), ["BYPASS", undefined]);
});

test("the key goes into our own member of Cache-Status, the last one, and only where it is asked for", async () => {
  const told = await createShownStage({ key: true, xCache: false }, ask)!(async () => from({ result: "miss" }))(
    endedExchange().exchange,
  );
  const headers = ("headers" in told && told.headers) || [];
  assert.equal(headers[1], "ours is not this; hit");
  assert.match(headers[3]!, /^spillway; hit; key="[^"]+"$/);
  assert.equal(headers.length, 4);
  assert.equal(createShownStage({ key: false, xCache: false }, ask), undefined);
});

test("what had no cache to go by is left as it is", async () => {
  assert.deepEqual(await fieldsOf({ key: true, xCache: true }, refused("memory", "")), [
    undefined,
    undefined,
    undefined,
  ]);
});
