import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { BreakerReading } from "../../../src/core/breaker-control.ts";
import { startGateway, type TestGateway } from "../../support/gateway.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { deadPort } from "../../support/raw-origin.ts";
import { until } from "../../support/wait.ts";
import { startClient, startMoodyOrigin, type Answer, type Mood } from "./breaker-rig.ts";

const breakerOf = ({ gateway }: TestGateway, name = "origin"): BreakerReading =>
  gateway.dependencies().find((one) => one.name === name)!.breaker;

const stateOf = (gateway: TestGateway): string => breakerOf(gateway).state;

async function startRig(more: { readonly dependency?: object; readonly route?: object } = {}, routes?: object[]) {
  const origin = await startMoodyOrigin();
  const clock = new ManualClock({ now: 1000 });
  // Each request is one call.
  const dependency = { retry: "off", ...more.dependency };
  const gateway = await startGateway({ target: origin.url, ...more, dependency, ...(routes && { routes }) }, clock);
  const client = startClient(gateway.port);
  return {
    origin,
    clock,
    gateway,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await gateway[Symbol.asyncDispose]();
      await origin.close();
    },
  };
}

type Rig = Awaited<ReturnType<typeof startRig>>;

/** So many requests at once, and time for those that hang to end. */
async function several({ client, clock, origin, gateway }: Rig, count: number, path = "/"): Promise<readonly Answer[]> {
  const { asked } = origin.state;
  const open = Array.from({ length: count }, () => client.ask(path));
  if (origin.state.mood === "hang") {
    await until(() => origin.state.asked - asked === count || stateOf(gateway) !== "closed", {
      what: () => `all are asked, ${origin.state.asked - asked} are`,
      timeoutMs: 5000,
    });
    clock.advance(4_500);
  }
  return Promise.all(open);
}

const MINUTE = 60_000;

suite("the breaker of a dependency", () => {
  for (const mood of ["failing", "hang", "reset"] as const) {
    test(`${mood}: opens, refuses with Retry-After, asks a few times in five minutes, comes back step by step`, async (t) => {
      await using rig = await startRig();
      const { origin, clock, gateway, client } = rig;
      assert.equal((await client.ask()).status, 200);
      origin.state.mood = mood;
      const first = await several(rig, 20);
      const own = { failing: 500, hang: 504, reset: 502 }[mood];
      assert.deepEqual([...new Set(first.map(({ status }) => status))], [own]);
      assert.equal(stateOf(gateway), "open");
      const refused = await client.ask();
      assert.deepEqual([refused.status, refused.reason], [503, "breaker"]);
      assert.ok(Number(refused.retryAfter) >= 3 && Number(refused.retryAfter) <= 7, String(refused.retryAfter));

      const asked = origin.state.asked;
      const open: Promise<Answer>[] = [];
      for (let at = 0; at < 5 * MINUTE; at += 500) {
        clock.advance(500);
        const before = origin.state.asked;
        const answers = [client.ask(), client.ask()];
        open.push(...answers);
        if (mood !== "hang") await Promise.all(answers);
        else {
          // A hung probe is answered later; whatever is refused is answered now.
          let settled = 0;
          for (const answer of answers) void answer.then(() => settled++);
          await until(() => settled + origin.state.asked - before >= 2, {
            what: () =>
              `all are asked or refused at ${at}: ${settled} ${origin.state.asked - before} ${JSON.stringify(breakerOf(gateway))}`,
            timeoutMs: 5000,
          });
        }
      }
      clock.advance(4_500);
      const answers = await Promise.all(open);
      const probes = answers.filter(({ reason }) => reason !== "breaker").length;
      t.diagnostic(`${answers.length} requests in five minutes, ${probes} of them were let through`);
      assert.ok(probes >= 5 && probes <= 12, String(probes));
      // An idempotent request may go again when a kept connection turns out to be closed.
      assert.ok(origin.state.asked - asked <= 3 * probes);

      origin.state.mood = "well";
      const shares: number[] = [];
      for (let at = 0; at < 2 * MINUTE && stateOf(gateway) !== "closed"; at += 100) {
        clock.advance(100);
        const { status } = await client.ask();
        assert.ok(status === 200 || status === 503, String(status));
        const { share } = breakerOf(gateway);
        if (share !== shares.at(-1)) shares.push(share);
      }
      assert.deepEqual(
        shares.filter((share) => share > 0),
        [0.05, 0.25, 1],
      );
      assert.equal(stateOf(gateway), "closed");
    });
  }

  test("refused connections open it; a refusal takes less than a millisecond", async (t) => {
    const port = await deadPort();
    await using gateway = await startGateway({ target: `http://127.0.0.1:${port}`, dependency: { retry: "off" } });
    using client = startClient(gateway.port);
    for (let i = 0; i < 20; i++) assert.equal((await client.ask()).status, 502);
    assert.equal(stateOf(gateway), "open");
    gateway.ended.length = 0;
    for (let i = 0; i < 300; i++) assert.equal((await client.ask()).reason, "breaker");
    const times = gateway.ended.map(({ durationMs }) => durationMs).toSorted((a, b) => a - b);
    t.diagnostic(`median of ${times.length} refusals: ${times[150]!.toFixed(3)} ms, p90 ${times[270]!.toFixed(3)} ms`);
    assert.ok(times[150]! < 1, `${times[150]} ms`);
  });

  test("answers that are slow open it, however well they are", async () => {
    await using rig = await startRig();
    const { origin, clock, gateway, client } = rig;
    origin.state.mood = "hang";
    const asked = Array.from({ length: 20 }, () => client.ask());
    await until(() => origin.held() === 20, { what: "all are asked" });
    clock.advance(1_500);
    origin.release();
    assert.ok((await Promise.all(asked)).every(({ status }) => status === 200));
    assert.deepEqual([stateOf(gateway), breakerOf(gateway).reason], ["open", "20 of 20 calls were slow"]);
  });

  test("five minutes of a dependency that flaps: it is asked ever less often, and no call is left behind", async (t) => {
    await using rig = await startRig({ dependency: { breaker: { rampFor: "1s", window: "2s", minimumCalls: 5 } } });
    const { origin, clock, gateway, client } = rig;
    const counts: number[] = [];
    for (let at = 0; at < 5 * MINUTE; at += 100) {
      // Well for two seconds, failing for two.
      const mood: Mood = Math.floor(at / 2_000) % 2 === 0 ? "well" : "failing";
      origin.state.mood = mood;
      clock.advance(100);
      const { status } = await client.ask();
      const minute = Math.floor(at / MINUTE);
      counts[minute] = (counts[minute] ?? 0) + (status === 500 ? 1 : 0);
    }
    const { opened } = breakerOf(gateway);
    t.diagnostic(`opened ${opened} times, failures a minute: ${counts.join(", ")} of 300 that it would have had`);
    assert.ok(opened >= 4 && opened <= 40, String(opened));
    assert.ok(
      counts.slice(1).every((count) => count <= 30),
      counts.join(),
    );
    assert.equal(gateway.gateway.open(), 0);
  });

  test("clients that leave, 4xx and requests whose own deadline is short never open it", async () => {
    await using rig = await startRig();
    const { origin, gateway, client, clock } = rig;
    origin.state.mood = "hang";
    const leaving = new AbortController();
    const left = Array.from({ length: 40 }, () => client.ask("/", { signal: leaving.signal }).catch(() => undefined));
    await until(() => origin.held() === 40, { what: "all are asked" });
    leaving.abort();
    await Promise.all(left);
    await until(() => gateway.gateway.open() === 0, { what: "all are over" });
    await until(() => origin.held() === 0, { what: "the origin is told" });
    const headers = { "X-Request-Timeout-Ms": "200" };
    const late = Array.from({ length: 40 }, () => client.ask("/", { headers }));
    await until(() => origin.held() === 40, { what: "all are asked" });
    clock.advance(201);
    assert.deepEqual([...new Set((await Promise.all(late)).map(({ reason }) => reason))], ["deadline"]);
    assert.deepEqual([stateOf(gateway), breakerOf(gateway).calls], ["closed", 0]);
  });

  test("what waits for a seat and is refused one is no call of the dependency", async () => {
    const limit = { algorithm: "fixed", initial: 1, min: 1, max: 1, queue: { depth: 0 } };
    await using rig = await startRig({ dependency: { limit } });
    const { origin, gateway, client } = rig;
    origin.state.mood = "hang";
    const first = client.ask();
    await until(() => origin.held() === 1, { what: "the seat is taken" });
    const others = await Promise.all(Array.from({ length: 40 }, () => client.ask()));
    assert.ok(others.every(({ status }) => status === 503));
    assert.equal(stateOf(gateway), "closed");
    origin.release();
    assert.equal((await first).status, 200);
  });

  test("its refusals become stale answers and fallbacks, as any other's", async () => {
    const match = (path: string): object => ({ match: { path }, dependency: "origin" });
    await using rig = await startRig({}, [
      { name: "kept", ...match("/kept"), cache: { ttl: "1s", staleIfError: "1h" } },
      { name: "static", ...match("/static"), cache: { fallback: { body: "ours" } } },
    ]);
    const { origin, clock, gateway, client } = rig;
    assert.equal((await client.ask("/kept")).text, "well /kept");
    origin.state.mood = "failing";
    await several(rig, 20, "/other");
    assert.equal(stateOf(gateway), "open");
    clock.advance(2_000);
    const { asked } = origin.state;
    assert.equal((await client.ask("/kept")).text, "well /kept");
    assert.equal((await client.ask("/static")).text, "ours");
    assert.equal((await client.ask("/other")).reason, "breaker");
    assert.equal(origin.state.asked, asked);
    const instead = gateway.ended.slice(-3).map(({ outcome }) => (outcome.kind === "served" ? outcome.insteadOf : ""));
    assert.deepEqual(instead, ["breaker", "breaker", ""]);
  });

  test("its state survives a reload with the same settings; with others it begins anew, by hand it stays as it is", async () => {
    await using rig = await startRig();
    const { origin, gateway } = rig;
    origin.state.mood = "failing";
    await several(rig, 20);
    await gateway.apply({ target: origin.url, route: { timeout: "3s" }, dependency: { timeout: "2s" } });
    assert.deepEqual([stateOf(gateway), breakerOf(gateway).opened], ["open", 1]);
    await gateway.apply({ target: origin.url, dependency: { breaker: { errorRate: 0.9 } } });
    assert.equal(stateOf(gateway), "closed");
    const hold = { state: "isolated", ttl: MINUTE, reason: "test" } as const;
    assert.deepEqual(gateway.gateway.breaker({ dependency: "origin", hold }), {
      changed: { before: "closed", after: "isolated" },
    });
    await gateway.apply({ target: origin.url, dependency: { breaker: "off" } });
    assert.equal(stateOf(gateway), "isolated");
    assert.equal(gateway.gateway.breaker({ dependency: "nobody", hold }).changed, undefined);
  });

  test("in mode shadow and with `off` all pass", async () => {
    for (const breaker of ["off", { mode: "shadow" }]) {
      await using rig = await startRig({ dependency: { breaker } });
      rig.origin.state.mood = "failing";
      const answers = [...(await several(rig, 20)), ...(await several(rig, 20))];
      assert.ok(answers.every(({ status }) => status === 500));
      assert.equal(breakerOf(rig.gateway).wouldRefuse, breaker === "off" ? 0 : 20);
    }
  });
});

test("a dependency that hangs costs the routes of another nothing", async (t) => {
  await using sick = await startMoodyOrigin();
  await using well = await startMoodyOrigin();
  const dependencies = {
    // With a limit fewer calls would get to hang, and it would open later.
    sick: { http: { targets: [sick.url] }, timeout: "200ms", limit: "off" },
    well: { http: { targets: [well.url] } },
  };
  const routes = [
    { name: "sick", match: { path: "/sick" }, dependency: "sick" },
    { name: "well", match: { path: "/well" }, dependency: "well" },
  ];
  await using gateway = await startGateway({ dependencies, routes });
  using client = startClient(gateway.port);
  const medianOf = async (): Promise<number> => {
    gateway.ended.length = 0;
    for (let i = 0; i < 300; i++) {
      const [, { status }] = await Promise.all([i % 4 === 0 ? client.ask("/sick") : undefined, client.ask("/well")]);
      assert.equal(status, 200);
    }
    const times = gateway.ended.filter(({ exchange }) => exchange.route.name === "well").map((one) => one.durationMs);
    return times.toSorted((a, b) => a - b)[150]!;
  };
  await medianOf();
  const before = await medianOf();
  sick.state.mood = "hang";
  for (let round = 0; breakerOf(gateway, "sick").state !== "open"; round++) {
    assert.ok(round < 20, "it opens");
    await Promise.all(Array.from({ length: 20 }, () => client.ask("/sick")));
  }
  const during = await medianOf();
  t.diagnostic(
    `median of the other route: ${before.toFixed(3)} ms before, ${during.toFixed(3)} ms with the breaker open`,
  );
  assert.ok(during < before * 2, `${before} ms before, ${during} ms`);
  assert.equal(breakerOf(gateway, "well").state, "closed");
});
