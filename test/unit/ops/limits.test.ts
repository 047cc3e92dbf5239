import assert from "node:assert/strict";
import { test } from "node:test";
import type { Control } from "../../../src/core/control.ts";
import type { LimitReading, LimitsReading } from "../../../src/core/limits-control.ts";
import { limits } from "../../../src/ops/limits.ts";

const rule: LimitReading = {
  rule: "per-client",
  mode: "enforce",
  by: ["client", "header x-api-key"],
  limit: 100,
  windowMs: 1000,
  algorithm: "fixed-window",
  concurrent: undefined,
  inFlightKeys: 1,
  checked: 10,
  refused: 2,
  keys: 3,
  slots: 1024,
  bytes: 28_672,
};

async function bodyOf(readings: readonly LimitsReading[], silent = 0): Promise<unknown> {
  const [call] = limits({ limits: async () => ({ readings, silent }) } as unknown as Control);
  const reply = await call!.run({
    id: "",
    actor: undefined,
    params: {},
    query: new URLSearchParams(),
    body: undefined,
  });
  assert.ok(reply.kind === "json");
  assert.ok(call!.answers[200]!.schema!.safeParse(reply.body).success);
  return reply.body;
}

test("processes are added up, rule by rule", async () => {
  const body = await bodyOf(
    [
      { limits: [rule], processes: 2, store: "redis" },
      { limits: [{ ...rule, checked: 5, refused: 1, keys: 4 }], processes: 3, store: "redis" },
    ],
    1,
  );
  assert.deepEqual(body, {
    processes: 2,
    silent: 1,
    sharing: 3,
    store: "redis",
    limits: [
      {
        ...rule,
        concurrent: null,
        checked: 15,
        refused: 3,
        keys: 7,
        slots: 2048,
        bytes: 57_344,
        inFlightKeys: 2,
      },
    ],
  });
});

test("one process without redis is told of", async () => {
  const reading = (store: LimitsReading["store"]): LimitsReading => ({ limits: [], processes: 1, store });
  assert.equal(((await bodyOf([reading("redis"), reading("local")])) as { store: string }).store, "local");
  assert.equal(((await bodyOf([])) as { store: string }).store, "memory");
});
