import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { StreamedBody, wholeBody } from "../../../src/core/body.ts";
import { createEventBus } from "../../../src/core/events.ts";
import type { Exchange } from "../../../src/core/exchange.ts";
import { headerValue } from "../../../src/core/headers.ts";
import { failed, refused, type Outcome } from "../../../src/core/outcome.ts";
import { cachePartsOf, type CachedRoute } from "../../../src/cache/route.ts";
import { createCacheStage } from "../../../src/cache/stage.ts";
import { cacheSettings, routeCacheSettings } from "../../../src/cache/settings.ts";
import { sturdy } from "../../../src/cache/tiers/sturdy.ts";
import { Tiers } from "../../../src/cache/tiers/tiers.ts";
import { createStore } from "../../../src/cache/store.ts";
import { endedExchange } from "../../support/ended-exchange.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const SECOND = 1000;
/** Who asks in the name of all. */
const AGENT = ["user-agent", "spillway"];
const DATED = ["Date", "Thu, 01 Jan 2026 00:00:00 GMT"];

type Answerer = (exchange: Exchange) => Outcome | Promise<Outcome>;

const answers = (text: string, control: string, more: string[] = [], status = 200): Outcome => ({
  kind: "served",
  status,
  headers: ["Cache-Control", control, ...more],
  body: wholeBody(Buffer.from(text)),
  by: "dependency",
});

/** A stage over a handler that a test swaps, on a clock that stands still. */
function setUp(first: Answerer, cache: unknown = "origin", more: Partial<CachedRoute> = {}) {
  const clock = new ManualClock();
  const faults: string[] = [];
  const bus = createEventBus(`stage ${Math.random()}`);
  bus.subscribe("spillway:fault", ({ where, error }) => void faults.push(`${where}: ${error.message}`));
  const shared = cacheSettings.parse({ memory: "1MiB", maxEntry: "64KiB" });
  const store = createStore(shared, { clock, random: () => 0.5, bus });
  const asked: Exchange[] = [];
  const inside = { answer: first };
  const settings = routeCacheSettings.parse(cache);
  const route = { settings, name: "all", dependency: undefined, store, clock, ...more };
  const handler = createCacheStage(cachePartsOf(route)!)(async (exchange) => {
    asked.push(exchange);
    return inside.answer(exchange);
  });
  return {
    clock,
    asked,
    inside,
    store,
    faults,
    /** "200 text | Cache-Status" of one request. */
    async ask(facts: Partial<Exchange> = {}): Promise<string> {
      const exchange = { ...endedExchange().exchange, headers: [], ...facts };
      const outcome = await handler(exchange);
      const status = headerValue(("headers" in outcome && outcome.headers) || [], "cache-status");
      return `${textOf(outcome)} | ${status?.replace("spillway; ", "")}`;
    },
    handler,
  };
}

function textOf(outcome: Outcome): string {
  if (outcome.kind === "refused" || outcome.kind === "failed") return `${outcome.kind} ${outcome.reason}`;
  if (outcome.kind !== "served") return outcome.kind;
  const chunks = outcome.body.takeWhole();
  return `${outcome.status} ${chunks ? Buffer.concat(chunks).toString() : "…"}`;
}

suite("the cache stage", () => {
  test("fresh, then stale while a refresh runs, then fresh again, then gone", async () => {
    const control = "max-age=10, stale-while-revalidate=20, stale-if-error=0";
    const { clock, asked, inside, ask } = setUp(() => answers("one", control, DATED));
    assert.equal(await ask(), "200 one | fwd=miss; fwd-status=200; stored");
    clock.advance(9 * SECOND);
    assert.equal(await ask(), "200 one | hit; ttl=1");
    clock.advance(3 * SECOND);
    const refreshed = Promise.withResolvers<Outcome>();
    inside.answer = () => refreshed.promise;
    for (let i = 0; i < 3; i++) assert.equal(await ask(), "200 one | hit; ttl=-2; detail=stale-while-revalidate");
    assert.equal(asked.length, 2);
    refreshed.resolve(answers("two", control));
    await nextTurn();
    assert.equal(await ask(), "200 two | hit; ttl=10");
    clock.advance(31 * SECOND);
    inside.answer = () => answers("three", control);
    assert.equal(await ask(), "200 three | fwd=stale; fwd-status=200; stored");
  });

  test("what is inside sees the validators of what is kept, and no condition of the client", async () => {
    const { clock, asked, inside, ask } = setUp(() => answers("one", "max-age=1", ["ETag", '"1"']));
    await ask({ headers: ["If-None-Match", '"client"', "Accept", "kept", "X-Other", "unkeyed"] });
    assert.deepEqual(asked[0]!.headers, ["Accept", "kept", "user-agent", "spillway"]);
    clock.advance(2 * SECOND);
    inside.answer = () => answers("", "max-age=10", ["ETag", '"1"'], 304);
    assert.equal(await ask({ headers: ["If-None-Match", '"client"'] }), "200 one | fwd=stale; fwd-status=304; stored");
    assert.deepEqual(asked[1]!.headers, ["If-None-Match", '"1"', "user-agent", "spillway"]);
    assert.equal(await ask({ headers: ["If-None-Match", '"1"'] }), "304  | hit; ttl=10");
  });

  test("refused, failed, 5xx and silence become the stale answer, each with its name", async () => {
    const cases: readonly (readonly [string, Answerer])[] = [
      ["memory", () => refused("memory", "later")],
      ["connect", () => failed("connect", "none")],
      ["status-502", () => answers("bad", "max-age=60", [], 502)],
    ];
    for (const [detail, answer] of cases) {
      const { clock, inside, ask } = setUp(() => answers("kept", "max-age=1, stale-if-error=60"));
      await ask();
      clock.advance(3 * SECOND);
      inside.answer = answer;
      assert.equal(await ask(), `200 kept | hit; ttl=-2; detail=${detail}`);
      assert.equal(await ask(), "200 kept | hit; ttl=-2; detail=back-off");
    }
    const { clock, asked, inside, ask } = setUp(() => answers("kept", "max-age=1, stale-if-error=60"));
    await ask();
    clock.advance(3 * SECOND);
    inside.answer = () => new Promise<Outcome>(() => {});
    const waiting = ask();
    await clock.advanceAsync(150);
    assert.equal(await waiting, "200 kept | hit; ttl=-3; detail=timeout");
    assert.equal(await ask(), "200 kept | hit; ttl=-3; detail=timeout");
    assert.equal(asked.length, 2);
  });

  test("a stale answer in place of a refusal keeps what admission saw", async () => {
    const admission = { limit: 4, inFlight: 4, ahead: 1, estimateMs: 80, capMs: 20, waitedMs: 0 };
    const { clock, inside, ask, handler } = setUp(() => answers("kept", "max-age=1, stale-if-error=60"));
    await ask();
    clock.advance(3 * SECOND);
    inside.answer = () => ({ ...refused("wait", "later"), admission });
    const last = await handler({ ...endedExchange().exchange, headers: [] });
    assert.ok(last.kind === "served");
    assert.deepEqual([last.insteadOf, last.admission], ["wait", admission]);
  });

  test("RFC 9111 4.2.4: where nobody says how long it may be stale, only failure makes it so, not slowness", async () => {
    const slow = (cache: unknown, control: string, headers: string[] = []) => {
      const world = setUp(() => answers("kept", control), cache);
      const late = Promise.withResolvers<Outcome>();
      return {
        ...world,
        late,
        async later(): Promise<string> {
          await world.ask();
          world.clock.advance(3 * SECOND);
          world.inside.answer = () => late.promise;
          const waiting = world.ask({ headers });
          await world.clock.advanceAsync(500);
          return Promise.race([waiting, nextTurn("waits")]).then((told) => {
            if (told === "waits") late.resolve(answers("new", "max-age=60"));
            return waiting;
          });
        },
      };
    };
    assert.match(await slow("origin", "max-age=1").later(), /^200 new .*fwd=stale/);
    assert.match(await slow("origin", "max-age=1, stale-if-error=60").later(), /^200 kept .*detail=timeout/);
    assert.match(await slow({ failSafe: "1h" }, "max-age=1").later(), /^200 kept .*detail=timeout/);
    assert.match(
      await slow("origin", "max-age=60, stale-if-error=60", ["Cache-Control", "no-cache"]).later(),
      /^200 new .*fwd=request/,
      "who wants something newer waits for it",
    );
    const down = setUp(() => answers("kept", "max-age=1"));
    await down.ask();
    down.clock.advance(3 * SECOND);
    down.inside.answer = () => failed("timeout", "no head in time");
    assert.match(await down.ask(), /^200 kept .*detail=timeout/);
  });

  test("refreshes that fail come 1 s, 2 s, 4 s apart, up to 30 s, and at once after a success", async () => {
    const { clock, asked, inside, ask } = setUp(() => answers("kept", "max-age=1, stale-if-error=600"));
    await ask();
    clock.advance(2 * SECOND);
    inside.answer = () => failed("connect", "none");
    const at: number[] = [];
    for (let second = 0; second < 120; second++) {
      const before = asked.length;
      await ask();
      if (asked.length > before) at.push(second);
      clock.advance(SECOND);
    }
    assert.deepEqual(at, [0, 1, 3, 7, 15, 31, 61, 91]);
    inside.answer = () => answers("new", "max-age=1, stale-if-error=600");
    clock.advance(30 * SECOND);
    assert.match(await ask(), /^200 new/);
    clock.advance(2 * SECOND);
    inside.answer = () => failed("connect", "none");
    assert.match(await ask(), /detail=connect$/);
  });

  test("without a stale answer to give, a failure is the answer and is shared by those who wait", async () => {
    const outcome = Promise.withResolvers<Outcome>();
    const { asked, ask } = setUp(() => outcome.promise);
    const both = [ask(), ask()];
    await nextTurn();
    outcome.resolve(failed("timeout", "none"));
    assert.deepEqual(await Promise.all(both), ["failed timeout | fwd=miss", "failed timeout | fwd=miss; collapsed"]);
    assert.equal(asked.length, 1);
  });

  test("what is refused to one class is not refused to another that waits with it", async () => {
    const first = Promise.withResolvers<void>();
    const { asked, ask } = setUp(async (exchange) => {
      await first.promise;
      return exchange.class === "bulk" ? refused("memory", "short") : answers("served", "max-age=60");
    });
    const waiting = [ask({ class: "bulk" }), ask({ class: "critical" }), ask({ class: "bulk" }), ask()];
    await nextTurn();
    first.resolve();
    assert.deepEqual(await Promise.all(waiting), [
      "refused memory | fwd=miss",
      "200 served | fwd=miss; fwd-status=200; stored",
      "refused memory | fwd=miss; collapsed",
      "200 served | fwd=miss; fwd-status=200; stored; collapsed",
    ]);
    assert.equal(asked.length, 2);
  });

  test("what must be revalidated is asked about with its validator long after it is stale", async () => {
    for (const control of ["max-age=2, must-revalidate", "no-cache", "s-maxage=2"]) {
      const { clock, asked, inside, ask } = setUp(() => answers("one", control, [...DATED, "ETag", '"1"']));
      await ask();
      clock.advance(600 * SECOND);
      inside.answer = () => answers("", control, ["ETag", '"1"'], 304);
      assert.equal(await ask(), "200 one | fwd=stale; fwd-status=304; stored");
      assert.equal(headerValue(asked[1]!.headers, "if-none-match"), '"1"', control);
    }
  });

  test("what is fetched for all is asked for whole, whatever part one client wants", async () => {
    const control = "max-age=1, stale-while-revalidate=60";
    const { clock, asked, ask } = setUp(() => answers("whole", control, ["ETag", '"1"']));
    await ask();
    clock.advance(2 * SECOND);
    await ask({ headers: ["Range", "bytes=0-1", "If-Range", '"1"'], method: "HEAD" });
    await ask();
    assert.deepEqual(
      asked.map(({ method, headers }) => [method, ...headers]),
      [
        ["GET", ...AGENT],
        ["HEAD", "Range", "bytes=0-1", "If-Range", '"1"'],
        ["GET", "If-None-Match", '"1"', ...AGENT],
      ],
    );
  });

  test("what is thrown inside leaves nobody waiting", async () => {
    const { ask } = setUp(async () => {
      throw new Error("a fault of ours");
    });
    assert.deepEqual(await Promise.all([ask(), ask()]), [
      "failed internal | fwd=miss",
      "failed internal | fwd=miss; collapsed",
    ]);
  });

  test("a refresh in one user's name is boarded by nobody else", async () => {
    const control = "public, max-age=1, stale-while-revalidate=5, stale-if-error=0";
    const { clock, asked, inside, ask } = setUp(() => answers("one", control), { requestFields: "all" });
    await ask();
    clock.advance(3 * SECOND);
    const refreshed = Promise.withResolvers<Outcome>();
    inside.answer = () => refreshed.promise;
    for (let i = 0; i < 2; i++) assert.match(await ask({ headers: ["Cookie", "a"] }), /stale-while-revalidate/);
    assert.equal(asked.length, 2);
    clock.advance(10 * SECOND);
    inside.answer = () => answers("for everyone", control);
    assert.match(await ask(), /^200 for everyone/);
    refreshed.resolve(answers("of a", "private"));
    await nextTurn();
    assert.equal(await ask(), "200 for everyone | hit; ttl=1");
  });

  test("behind a stale answer for all, what is fetched is fetched in nobody's name, and kept", async () => {
    const control = "public, max-age=1, stale-while-revalidate=5, stale-if-error=0";
    const { clock, asked, inside, ask } = setUp(() => answers("one", control));
    await ask();
    clock.advance(3 * SECOND);
    inside.answer = () => answers("two", control);
    const headers = ["Cookie", "a=1", "Authorization", "Bearer a", "Accept", "x/y"];
    assert.match(await ask({ headers }), /^200 one .*stale-while-revalidate$/);
    await nextTurn();
    assert.deepEqual(asked[1]!.headers, ["Accept", "x/y", "user-agent", "spillway"]);
    assert.match(await ask({ headers }), /^200 two \| hit/);
  });

  test("after a personal answer nobody waits for two minutes", async () => {
    const heads: ((outcome: Outcome) => void)[] = [];
    const { clock, ask } = setUp(() => new Promise<Outcome>((resolve) => void heads.push(resolve)));
    const wave = async (calls: number, kept: string): Promise<void> => {
      const both = [ask(), ask()];
      await nextTurn();
      assert.equal(heads.length, calls);
      while (heads.length > 0) {
        heads.shift()!(answers("x", kept));
        await nextTurn();
      }
      await Promise.all(both);
    };
    await wave(1, "private");
    await wave(2, "private");
    clock.advance(121 * SECOND);
    await wave(1, "no-store");
    await wave(2, "max-age=60");
    assert.match(await ask(), /hit/);
  });

  test("an operator's lifetimes hold where the origin says nothing", async () => {
    const policy = { ttl: "5s", staleIfError: "60s" };
    const { clock, inside, ask } = setUp(() => ({ ...answers("one", ""), headers: [] }) as Outcome, policy);
    assert.equal(await ask(), "200 one | fwd=miss; fwd-status=200; stored; detail=operator-ttl");
    assert.equal(await ask(), "200 one | hit; ttl=5; detail=operator-ttl");
    clock.advance(8 * SECOND);
    inside.answer = () => failed("reset", "gone");
    assert.equal(await ask(), "200 one | hit; ttl=-3; detail=reset");
  });

  test("passes other methods, ranges and requests with a body on as they are", async () => {
    const { asked, ask } = setUp(() => answers("x", "max-age=60"));
    assert.equal(await ask({ method: "OPTIONS" }), "200 x | fwd=method");
    assert.equal(await ask({ method: "HEAD", headers: ["Range", "bytes=0-"] }), "200 x | fwd=bypass");
    assert.equal(await ask({ body: {} as never }), "200 x | fwd=bypass");
    assert.equal(await ask({ method: "HEAD" }), "200 x | fwd=miss; fwd-status=200");
    assert.deepEqual(
      asked.map(({ method }) => method),
      ["OPTIONS", "HEAD", "GET", "HEAD"],
    );
    assert.match(await ask(), /fwd=miss/);
  });

  test("leaves no timer and keeps no part of a body that broke off", async () => {
    const body = new StreamedBody({ pause() {}, resume() {}, cancel() {} }, undefined);
    const headers = ["Cache-Control", "max-age=60"];
    const { clock, inside, ask } = setUp(() => ({ kind: "served", status: 200, headers, body, by: "dependency" }));
    assert.match(await ask(), /^200 … \| fwd=miss; fwd-status=200; stored$/);
    body.push(Buffer.from("a part"));
    body.fail(new Error("reset"));
    inside.answer = () => answers("whole", "max-age=60");
    assert.match(await ask(), /^200 whole \| fwd=miss/);
    assert.equal(clock.pendingForeground, 0);
  });

  test("past all windows a fail-safe stands in, and says so", async () => {
    const { clock, inside, handler, ask } = setUp(() => answers("kept", "max-age=1, stale-if-error=2"), {
      failSafe: "1h",
    });
    await ask();
    clock.advance(1800 * SECOND);
    inside.answer = () => refused("memory", "later");
    assert.equal(await ask(), "200 kept | hit; ttl=-1799; detail=fail-safe");
    const outcome = await handler({ ...endedExchange().exchange, headers: [] });
    assert.deepEqual("cache" in outcome && outcome.cache, {
      result: "fail-safe",
      tier: "memory",
      staleMs: 1799 * SECOND,
    });
    clock.advance(1801 * SECOND);
    assert.equal(await ask(), "refused memory | fwd=miss", "of no use to anybody, it is not held");
  });

  test("a level widens the windows by its factor or to any age, but never what must be revalidated or is private", async () => {
    const level = { factor: 1, any: false };
    const grace = () => level;
    const controls: Readonly<Record<string, string>> = {
      "max-age=1, stale-if-error=60": "200 kept",
      "max-age=1, must-revalidate": "failed connect",
      "max-age=1, private": "failed connect",
    };
    for (const [control, at100] of Object.entries(controls)) {
      const { clock, inside, ask } = setUp(() => answers("kept", control), "origin", { grace });
      const later = async (seconds: number): Promise<string> => {
        clock.advance(seconds * SECOND);
        return (await ask()).split(" | ")[0]!;
      };
      Object.assign(level, { factor: 1, any: false });
      await ask();
      inside.answer = () => failed("connect", "none");
      assert.equal(await later(100), "failed connect");
      level.factor = 2;
      assert.equal(await later(0), at100);
      assert.equal(await later(100), "failed connect");
      level.any = true;
      assert.equal(await later(0), at100);
    }
  });

  test("what is hit often is fetched again before it gets stale, once at a time, and answered fresh meanwhile", async () => {
    const slow = async (text: string): Promise<Outcome> => {
      clock.advance(SECOND);
      return answers(text, "max-age=600");
    };
    const { clock, asked, inside, ask } = setUp(() => slow("one"), { refreshAhead: true });
    await ask();
    clock.advance(599 * SECOND - 500);
    const refreshed = Promise.withResolvers<Outcome>();
    inside.answer = () => refreshed.promise;
    for (let i = 0; i < 2; i++) assert.match(await ask(), /^200 one \| hit; ttl=0/);
    assert.equal(asked.length, 1);
    for (let i = 0; i < 5; i++) assert.match(await ask(), /^200 one \| hit; ttl=0/);
    assert.equal(asked.length, 2);
    refreshed.resolve(answers("two", "max-age=600"));
    await nextTurn();
    assert.match(await ask(), /^200 two \| hit; ttl=600/);
  });

  test("nothing is fetched before it is stale where only the origin decides", async () => {
    const { clock, asked, inside, ask } = setUp(async () => {
      clock.advance(SECOND);
      return answers("one", "max-age=600");
    });
    await ask();
    clock.advance(599 * SECOND - 500);
    inside.answer = () => answers("two", "max-age=600");
    for (let i = 0; i < 10; i++) await ask();
    assert.equal(asked.length, 1);
  });

  test("a route's soft timeout is how long it waits with a stale answer in hand", async () => {
    const { clock, inside, ask } = setUp(() => answers("kept", "max-age=1, stale-if-error=60"), { softTimeout: "2s" });
    await ask();
    clock.advance(3 * SECOND);
    inside.answer = () => new Promise<Outcome>(() => {});
    const outcome = Promise.race([ask(), nextTurn("waits")]);
    assert.equal(await outcome, "waits");
    const waiting = ask();
    await clock.advanceAsync(2300);
    assert.match(await waiting, /^200 kept .*detail=timeout$/);
  });

  test("a fault behind a stale answer is told, and a tier that throws is a miss", async () => {
    const control = "max-age=1, stale-while-revalidate=60";
    const { clock, inside, faults, store, ask } = setUp(() => answers("kept", control));
    await ask();
    clock.advance(3 * SECOND);
    inside.answer = () => {
      throw new Error("a fault of ours");
    };
    assert.match(await ask(), /^200 kept/);
    await nextTurn();
    assert.deepEqual(faults, ["cache refresh: a fault of ours"]);

    const broken = (): never => {
      throw new Error("broken");
    };
    const tier = { get: broken, set: broken, delete: broken, clear: broken, close: broken };
    const told: string[] = [];
    const named = sturdy({ name: "memory", tier }, clock, (where) => void told.push(where));
    const tiersFor = () => new Tiers([named], store.time);
    const over = setUp(() => answers("served", control), "origin", { store: { ...store, tiersFor } });
    for (let i = 0; i < 2; i++) assert.match(await over.ask(), /^200 served \| fwd=miss/);
    assert.deepEqual(told, ["cache tier memory"]);
  });

  test("two versions stand side by side in what they share, and a roll-back finds its own again", async () => {
    const first = setUp(() => answers("one", "max-age=600"));
    const { store } = first;
    await first.ask();
    const settings = { ...store.settings, version: "2" };
    const second = setUp(() => answers("two", "max-age=600"), "origin", { store: { ...store, settings } });
    assert.match(await second.ask(), /^200 two \| fwd=miss/);
    assert.match(await second.ask(), /^200 two \| hit/);
    assert.match(await first.ask(), /^200 one \| hit/);
    assert.equal(first.asked.length, 1);
  });
});
