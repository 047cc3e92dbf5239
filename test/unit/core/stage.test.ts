import assert from "node:assert/strict";
import { test } from "node:test";
import type { Exchange } from "../../../src/core/exchange.ts";
import { refused } from "../../../src/core/outcome.ts";
import { onion, type Stage } from "../../../src/core/stage.ts";

const exchange = {} as Exchange;

test("the first stage is the outermost: in first, out last", async () => {
  const order: string[] = [];
  const named =
    (name: string): Stage =>
    (next) =>
    async (exchange) => {
      order.push(`${name} in`);
      const outcome = await next(exchange);
      order.push(`${name} out`);
      return outcome;
    };
  const handler = onion([named("a"), named("b")], async () => {
    order.push("core");
    return refused("no-route", "nothing here");
  });
  assert.equal((await handler(exchange)).kind, "refused");
  assert.deepEqual(order, ["a in", "b in", "core", "b out", "a out"]);
});

test("a stage that answers itself keeps the inner ones out", async () => {
  const handler = onion([() => async () => refused("memory", "going down")], () => assert.fail("was reached"));
  assert.deepEqual(await handler(exchange), { kind: "refused", reason: "memory", detail: "going down" });
});

test("without stages the innermost handler is what is left", () => {
  const innermost = async () => refused("no-route", "nothing here");
  assert.equal(onion([], innermost), innermost);
});
