import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { cachePartsOf } from "../../../src/cache/route.ts";
import { cacheSettings, routeCacheSettings } from "../../../src/cache/settings.ts";
import { createCacheStage } from "../../../src/cache/stage.ts";
import { createStore } from "../../../src/cache/store.ts";
import type { PurgeTarget } from "../../../src/cache/tags/ledger.ts";
import { wholeBody } from "../../../src/core/body.ts";
import { createEventBus, type CacheNotStored, type CacheRemoved } from "../../../src/core/events.ts";
import type { Exchange } from "../../../src/core/exchange.ts";
import { headerValue } from "../../../src/core/headers.ts";
import type { Outcome } from "../../../src/core/outcome.ts";
import { endedExchange } from "../../support/ended-exchange.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const answers = (text: string, ...more: string[]): Outcome => ({
  kind: "served",
  status: 200,
  headers: ["Cache-Control", "max-age=60", ...more],
  body: wholeBody(Buffer.from(text)),
  by: "dependency",
});

const tagged = (name: string): PurgeTarget => ({ kind: "tag", tag: name });

/** A stage over a dependency that answers with its call's number and these tags, when it is let. */
function setUp(t: TestContext, first: readonly string[] = [], options: { tags?: string[]; passTags?: boolean } = {}) {
  const clock = new ManualClock();
  const bus = createEventBus(t.name);
  const removed: CacheRemoved["reason"][] = [];
  const notStored: CacheNotStored["reason"][] = [];
  t.after(bus.subscribe("spillway:cache-removed", ({ reason }) => removed.push(reason)));
  t.after(bus.subscribe("spillway:cache-not-stored", ({ reason }) => notStored.push(reason)));
  const store = createStore(cacheSettings.parse({}), { clock, random: () => 0.5, bus });
  const inside = { fields: first, calls: 0, until: Promise.resolve() };
  const settings = routeCacheSettings.parse(options);
  const stage = createCacheStage(cachePartsOf({ settings, name: "all", dependency: undefined, store, clock })!);
  const handler = stage(async () => {
    const call = ++inside.calls;
    const { fields } = inside;
    await inside.until;
    return answers(String(call), ...fields);
  });
  const exchange = (facts: Partial<Exchange>): Exchange => ({ ...endedExchange().exchange, headers: [], ...facts });
  const purge = (target: PurgeTarget, soft = false) => store.purge({ targets: [target], soft });
  return {
    removed,
    notStored,
    inside,
    purge,
    /** The body: which call of the dependency it came from. */
    async ask(facts: Partial<Exchange> = {}): Promise<string> {
      const outcome = await handler(exchange(facts));
      assert.equal(outcome.kind, "served");
      return outcome.kind === "served" ? Buffer.concat(outcome.body.takeWhole() ?? []).toString() : "";
    },
    async fieldsOf(facts: Partial<Exchange> = {}): Promise<readonly string[]> {
      const outcome = await handler(exchange(facts));
      return outcome.kind === "served" ? outcome.headers : [];
    },
  };
}

test("an answer is purged by the tags that its origin gave it, and removed with one reason", async (t) => {
  const { ask, purge, removed } = setUp(t, ["Surrogate-Key", "p1 p2", "Cache-Tag", "p3"]);
  assert.equal(await ask(), "1");
  void purge(tagged("p4"));
  assert.equal(await ask(), "1");
  for (const [at, tag] of ["p1", "p2", "p3", "route:all"].entries()) {
    void purge(tagged(tag));
    assert.equal(await ask(), String(at + 2), tag);
  }
  void purge({ kind: "pattern", pattern: "*" });
  await ask();
  assert.deepEqual(removed, ["purged", "purged", "purged", "purged", "pattern"]);
});

test("an unsafe request removes what it changed, and says so", async (t) => {
  const { ask, removed } = setUp(t);
  await ask();
  await ask({ method: "POST" });
  assert.equal(await ask(), "3");
  assert.deepEqual(removed, ["changed"]);
});

test("C58: a kept answer that turned personal is removed as changed", async (t) => {
  const { ask, inside, purge, removed } = setUp(t);
  await ask();
  void purge(tagged("route:all"), true);
  inside.fields = ["Set-Cookie", "session=1"];
  await ask();
  assert.deepEqual(removed, ["changed"]);
});

test("a tag with a parameter of the path purges that one answer", async (t) => {
  const { ask, purge } = setUp(t, [], { tags: ["item:{id}"] });
  const one = { path: "/items/1", params: { id: "1" } };
  const two = { path: "/items/2", params: { id: "2" } };
  assert.deepEqual([await ask(one), await ask(two)], ["1", "2"]);
  void purge(tagged("item:1"));
  assert.deepEqual([await ask(one), await ask(two)], ["3", "2"]);
});

test("clients get the fields of tags only where the route says so", async (t) => {
  const plain = setUp(t, ["Surrogate-Key", "p1"]);
  const passing = setUp(t, ["Surrogate-Key", "p1"], { passTags: true });
  for (const facts of [
    {},
    {},
    { method: "POST" },
    { method: "HEAD", path: "/other" },
    { headers: ["Range", "bytes=0-0"], path: "/r" },
  ]) {
    assert.equal(headerValue(await plain.fieldsOf(facts), "surrogate-key"), undefined, JSON.stringify(facts));
    assert.equal(headerValue(await passing.fieldsOf(facts), "surrogate-key"), "p1", JSON.stringify(facts));
  }
});

test("C13: an answer with 65 tags is passed on, not kept, and counted", async (t) => {
  const many = Array.from({ length: 64 }, (_, i) => `t${i}`).join(" ");
  const { ask, notStored } = setUp(t, ["Surrogate-Key", many]);
  assert.deepEqual([await ask(), await ask()], ["1", "2"]);
  assert.deepEqual(notStored, ["tags", "tags"]);
});

test("a request that comes after a purge boards no flight that began before it, though only the origin knows the tag", async (t) => {
  const { ask, purge, inside } = setUp(t, ["Surrogate-Key", "p1"]);
  await ask();
  void purge(tagged("p1"));
  const before = Promise.withResolvers<void>();
  inside.until = before.promise;
  const early = ask();
  void purge(tagged("p1"));
  inside.until = Promise.resolve();
  assert.equal(await ask(), "3", "the tags of the last answer are known: a flight of its own");
  before.resolve();
  assert.equal(await early, "2");
  assert.equal(await ask(), "3", "what began before the purge took nothing's place");
});

test("of a key never seen, who comes after a purge gets nothing that was asked for before it", async (t) => {
  const { ask, purge, inside } = setUp(t, ["Surrogate-Key", "p1"]);
  const first = Promise.withResolvers<void>();
  inside.until = first.promise;
  const early = ask();
  await nextTurn();
  void purge(tagged("p1"));
  const late = [ask(), ask(), ask()];
  await nextTurn();
  assert.equal(inside.calls, 1, "they wait, for the tag may be another's");
  inside.until = Promise.resolve();
  first.resolve();
  assert.equal(await early, "1");
  assert.deepEqual(await Promise.all(late), ["2", "2", "2"], "the head told the tag: one flight for them all");
});

test("a purge of another tag parts nobody from the flight", async (t) => {
  const { ask, purge, inside } = setUp(t, ["Surrogate-Key", "p1"]);
  const first = Promise.withResolvers<void>();
  inside.until = first.promise;
  const all = [ask()];
  void purge(tagged("p2"));
  all.push(ask(), ask());
  first.resolve();
  assert.deepEqual(await Promise.all(all), ["1", "1", "1"]);
});

test("a 304 that names no tags leaves those of what it renews", async (t) => {
  const clock = new ManualClock();
  const store = createStore(cacheSettings.parse({}), { clock, random: () => 0.5, bus: createEventBus(t.name) });
  let calls = 0;
  const settings = "origin";
  const stage = createCacheStage(cachePartsOf({ settings, name: "all", dependency: undefined, store, clock })!);
  const handler = stage(async () => {
    const { headers, ...rest } = answers(String(++calls), "ETag", '"1"') as Extract<Outcome, { kind: "served" }>;
    return calls === 2 ? { ...rest, status: 304, headers } : { ...rest, headers: [...headers, "Surrogate-Key", "p1"] };
  });
  const ask = () => handler({ ...endedExchange().exchange, headers: [] });
  await ask();
  await nextTurn();
  clock.advance(61_000);
  await ask();
  assert.equal(calls, 2);
  await nextTurn();
  void store.purge({ targets: [tagged("p1")], soft: false });
  await ask();
  assert.equal(calls, 3);
});
