import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { wholeBody } from "../../../../src/core/body.ts";
import { createEventBus } from "../../../../src/core/events.ts";
import type { Exchange } from "../../../../src/core/exchange.ts";
import { refused, type Outcome } from "../../../../src/core/outcome.ts";
import { cachePartsOf } from "../../../../src/cache/route.ts";
import { createCacheStage } from "../../../../src/cache/stage.ts";
import { cacheSettings, routeCacheSettings } from "../../../../src/cache/settings.ts";
import { createStore } from "../../../../src/cache/store.ts";
import { endedExchange } from "../../../support/ended-exchange.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const answer = (text: string, control: string): Outcome => ({
  kind: "served",
  status: 200,
  headers: ["Cache-Control", control, "Date", "Thu, 01 Jan 2026 00:00:00 GMT"],
  body: wholeBody(Buffer.from(text)),
  by: "dependency",
});

const said = (outcome: Outcome): string => {
  if (outcome.kind !== "served") return "reason" in outcome ? `${outcome.kind} ${outcome.reason}` : outcome.kind;
  return Buffer.concat(outcome.body.takeWhole() ?? []).toString();
};

/** A cache over a dependency that answers when a test says so. */
function setUp(cache: unknown = "origin") {
  const clock = new ManualClock();
  const bus = createEventBus(`deadlines ${Math.random()}`);
  const store = createStore(cacheSettings.parse({}), { clock, random: () => 0.5, bus });
  const calls: { readonly exchange: Exchange; readonly answer: (outcome: Outcome) => void }[] = [];
  const settings = routeCacheSettings.parse(cache);
  const parts = cachePartsOf({ settings, name: "all", dependency: undefined, store, clock })!;
  const handler = createCacheStage(parts)((exchange) => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    calls.push({ exchange, answer: resolve });
    return promise;
  });
  return {
    clock,
    calls,
    ask: async (facts: Partial<Exchange> = {}): Promise<string> =>
      said(await handler({ ...endedExchange().exchange, headers: [], ...facts })),
  };
}

suite("a client with a deadline that waits for a shared fetch", () => {
  test("gets its 504 in time, while others wait on and the fetch knows no deadline", async () => {
    const { clock, calls, ask } = setUp();
    const hasty = ask({ deadline: 100, deadlineFields: ["grpc-timeout"] });
    const patient = ask();
    await nextTurn();
    assert.equal(calls.length, 1);
    assert.equal(calls[0]!.exchange.deadline, Number.POSITIVE_INFINITY);
    assert.equal(calls[0]!.exchange.deadlineFields, undefined);
    await clock.advanceAsync(94);
    assert.equal(await Promise.race([hasty, Promise.resolve("waits")]), "waits");
    await clock.advanceAsync(1);
    assert.equal(await hasty, "refused deadline");
    assert.equal(calls[0]!.exchange.departure.gone, false);
    calls[0]!.answer(answer("late", "max-age=60"));
    assert.equal(await patient, "late");
    assert.equal(await ask({ deadline: clock.now() + 1 }), "late");
  });

  test("alone: the dependency is let go, and the next one asks at once", async () => {
    const { clock, calls, ask } = setUp();
    const hasty = ask({ deadline: 50 });
    await clock.advanceAsync(45);
    assert.equal(await hasty, "refused deadline");
    assert.equal(calls[0]!.exchange.departure.gone, true);
    const next = ask();
    await nextTurn();
    assert.equal(calls.length, 2);
    calls[1]!.answer(answer("new", "max-age=60"));
    assert.equal(await next, "new");
  });

  test("gets what is kept, stale, where that may stand in; the fetch goes on", async () => {
    const { clock, calls, ask } = setUp();
    const first = ask();
    await nextTurn();
    calls[0]!.answer(answer("old", "max-age=10, stale-if-error=600"));
    assert.equal(await first, "old");
    await clock.advanceAsync(20_000);
    const hasty = ask({ deadline: clock.now() + 100 });
    await clock.advanceAsync(95);
    assert.equal(await hasty, "old");
    assert.equal(calls[1]!.exchange.departure.gone, false);
    calls[1]!.answer(answer("new", "max-age=60"));
    await nextTurn();
    assert.equal(await ask(), "new");
  });

  test("gets the route's fallback in place of its 504", async () => {
    const { clock, ask } = setUp({ ttl: "10s", fallback: { body: "later" } });
    const hasty = ask({ deadline: 50 });
    await clock.advanceAsync(45);
    assert.equal(await hasty, "later");
  });

  test("leaves no timer behind once it is answered", async () => {
    const { clock, calls, ask } = setUp();
    const before = clock.pending;
    const waiting = ask({ deadline: 10_000 });
    await nextTurn();
    calls[0]!.answer(answer("soon", "no-store"));
    assert.equal(await waiting, "soon");
    await clock.advanceAsync(0);
    assert.ok(clock.pending <= before + 1, `${clock.pending} timers`);
  });
});

suite("a fetch for one client alone", () => {
  const OWN = ["Authorization", "Bearer x"];

  test("has its client's deadline", async () => {
    const { calls, ask } = setUp();
    const one = ask({ headers: OWN, deadline: 300, deadlineFields: ["grpc-timeout"] });
    await nextTurn();
    assert.equal(calls[0]!.exchange.deadline, 300);
    assert.deepEqual(calls[0]!.exchange.deadlineFields, ["grpc-timeout"]);
    calls[0]!.answer(refused("deadline", "too late"));
    assert.equal(await one, "refused deadline");
  });

  test("that had too little time is no failure of the dependency: nobody is held off", async () => {
    const { clock, calls, ask } = setUp({ ttl: "10s", staleIfError: "10m" });
    const first = ask();
    await nextTurn();
    calls[0]!.answer(answer("old", "max-age=10"));
    await first;
    await clock.advanceAsync(20_000);
    const own = ask({ headers: [...OWN, "Cache-Control", "no-cache"], deadline: clock.now() + 50 });
    await nextTurn();
    calls[1]!.answer(refused("deadline", "too late"));
    await own;
    const next = ask();
    await nextTurn();
    assert.equal(calls.length, 3, "the next one was held off");
    calls[2]!.answer(answer("new", "max-age=10"));
    assert.equal(await next, "new");
  });
});
