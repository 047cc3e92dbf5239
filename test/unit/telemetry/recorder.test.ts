import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { LONGEST_PATH, newestOf } from "../../../src/core/decisions.ts";
import { createEventBus } from "../../../src/core/events.ts";
import { failed, refused, type Outcome } from "../../../src/core/outcome.ts";
import { createRecorder } from "../../../src/telemetry/recorder.ts";
import { decisionOf } from "../../support/decision.ts";
import { endedExchange, served } from "../../support/ended-exchange.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const seen = { limit: 10, inFlight: 10, ahead: 4, estimateMs: 210, capMs: 300, waitedMs: 0 };

function recording(t: TestContext, size: number, name = "recorder-test") {
  const bus = createEventBus(name);
  const clock = new ManualClock();
  const recorder = createRecorder({ bus, clock, size });
  t.after(() => recorder.close());
  const end = (id: string, outcome: Outcome = served): void =>
    bus.publish("spillway:exchange", endedExchange({ exchange: { id }, outcome }));
  return { recorder, clock, end };
}

test("a decision has what each stage saw, and neither query, fields nor client", () => {
  const outcome: Outcome = { ...refused("wait", "too long"), admission: seen, cache: { result: "miss" } };
  const event = endedExchange({ status: 503, outcome, exchange: { deadline: 250, cohort: 17 } });
  const decision = decisionOf({ ...event, gateway: "g" }, 1_000);
  assert.deepEqual(decision, {
    id: "0123456789abcdef",
    at: 1_000,
    method: "GET",
    path: "/api/products/7",
    route: "products",
    dependency: "catalog",
    class: "default",
    cohort: 17,
    patienceMs: 250,
    status: 503,
    outcome: "refused",
    answeredBy: "admission",
    reason: "wait",
    detail: "too long",
    insteadOf: undefined,
    cache: "miss",
    tier: undefined,
    staleMs: undefined,
    admission: seen,
    durationMs: 7,
    dependencyMs: 3,
    whole: true,
  });
  assert.ok(!JSON.stringify(decision).includes("hidden"));
  assert.ok(!JSON.stringify(decision).includes("192.0.2.7"));
});

test("who answered is told of every outcome", () => {
  const by = (outcome: Outcome): string => decisionOf({ ...endedExchange({ outcome }), gateway: "g" }, 0).answeredBy;
  assert.equal(by(served), "dependency");
  assert.equal(by({ ...served, by: "cache", cache: { result: "hit", tier: "memory" } }), "cache");
  assert.equal(by({ ...served, by: "gateway" }), "route");
  assert.equal(by({ ...served, by: "gateway", cache: { result: "fallback" }, insteadOf: "wait" }), "fallback");
  assert.equal(by({ kind: "handed-on" }), "host");
  assert.equal(by({ kind: "tunnelled", status: 101 }), "dependency");
  assert.equal(by(failed("connect", "none")), "dependency");
  assert.equal(by(refused("quota", "used up")), "quota");
  assert.equal(by(refused("memory", "short")), "edge");
  assert.equal(by(refused("shed", "gives way")), "admission");
});

test("a stale answer tells what it stood in for, with the numbers of the refusal", () => {
  const cache = { result: "stale", tier: "redis", staleMs: 40 } as const;
  const outcome: Outcome = { ...served, by: "cache", cache, insteadOf: "wait", admission: seen };
  const { answeredBy, insteadOf, tier, staleMs, admission } = decisionOf(
    { ...endedExchange({ outcome }), gateway: "g" },
    0,
  );
  assert.deepEqual(
    { answeredBy, insteadOf, tier, staleMs, admission },
    { answeredBy: "cache", insteadOf: "wait", tier: "redis", staleMs: 40, admission: seen },
  );
});

test("the last decisions are remembered, newest first, whatever came before", (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 30 }), (size, count) => {
      const { recorder, end } = recording(t, size);
      for (let i = 0; i < count; i++) end(`r${i}`);
      const expected = Array.from({ length: Math.min(size, count) }, (_, back) => `r${count - 1 - back}`);
      assert.deepEqual(
        recorder.find({ limit: 1000 }).map(({ id }) => id),
        expected,
      );
      for (const id of expected) assert.equal(recorder.find({ id, limit: 1 })[0]?.id, id);
      assert.deepEqual(recorder.find({ id: `r${count - size - 1}`, limit: 1 }), []);
      recorder.close();
    }),
  );
});

test("decisions are found by outcome, route and reason, and by what was stood in for", (t) => {
  const { recorder, end } = recording(t, 10);
  end("a");
  end("b", refused("wait", "too long"));
  end("c", { ...served, by: "cache", insteadOf: "wait" });
  end("d", failed("reset", "broke off"));
  const ids = (ask: object): string =>
    recorder
      .find({ limit: 10, ...ask })
      .map(({ id }) => id)
      .join("");
  assert.equal(ids({ reason: "wait" }), "cb");
  assert.equal(ids({ outcome: "failed" }), "d");
  assert.equal(ids({ route: "products" }), "dcba");
  assert.equal(ids({ route: "other" }), "");
  assert.equal(ids({ limit: 2 }), "dc");
});

test("a long path is cut", () => {
  const path = `/${"x".repeat(5_000)}`;
  const decision = decisionOf({ ...endedExchange({ exchange: { path } }), gateway: "g" }, 0);
  assert.equal(decision.path, path.slice(0, LONGEST_PATH));
});

test("decisions of several processes are put in order of time", (t) => {
  const one = recording(t, 5);
  const other = recording(t, 5, "another");
  for (const [at, rig, id] of [
    [1, one, "a"],
    [2, other, "b"],
    [3, one, "c"],
    [4, other, "d"],
  ] as const) {
    rig.clock.advance(at - rig.clock.now());
    rig.end(id);
  }
  const found = [one, other].map(({ recorder }) => recorder.find({ limit: 3 }));
  assert.deepEqual(
    newestOf(found, 3).map(({ id }) => id),
    ["d", "c", "b"],
  );
});
