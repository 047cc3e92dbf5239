import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { kindOf } from "../../../../loadtests/bench/overload/generator.ts";
import { arrivals, edges, retryAfter, SHARES } from "../../../../loadtests/bench/overload/schedule.ts";
import { seeded } from "../../../../loadtests/bench/overload/seeded.ts";
import { draw, meanOf, WORKS, workOf } from "../../../../loadtests/bench/overload/work.ts";

const near = (actual: number, expected: number, by: number): void =>
  assert.ok(Math.abs(actual - expected) <= by, `${actual} is not within ${by} of ${expected}`);

suite("arrivals", () => {
  const PHASES = [
    { seconds: 50, rate: 100 },
    { seconds: 50, rate: 400, classes: [0, 1, 0], paths: [0, 1], tenants: [1, 3] },
  ];
  const all = [...arrivals({ phases: PHASES, paths: ["/a", "/b"] }, seeded(7))];
  const [first, second] = [0, 1].map((phase) => all.filter((one) => one.phase === phase));

  test("come at the rate of their phase, in order, and within it", () => {
    near(first!.length, 5000, 250);
    near(second!.length, 20_000, 500);
    assert.ok(all.every(({ at }, i) => i === 0 || at >= all[i - 1]!.at));
    assert.ok(first!.every(({ at }) => at < 50_000) && second!.every(({ at }) => at >= 50_000 && at < 100_000));
    assert.deepEqual(edges(PHASES), [0, 50_000, 100_000]);
  });

  test("are Poisson: as many squares of the gaps as an exponential has", () => {
    const gaps = second!.slice(1).map(({ at }, i) => at - second![i]!.at);
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    near(Math.sqrt(variance) / mean, 1, 0.05);
  });

  test("have classes, paths and tenants by their weights", () => {
    for (const [rank, share] of SHARES.entries()) {
      near(first!.filter((one) => one.class === rank).length / first!.length, share, 0.03);
    }
    assert.ok(second!.every((one) => one.class === 1 && one.path === 1));
    near(second!.filter(({ tenant }) => tenant === 1).length / second!.length, 0.75, 0.02);
  });

  test("are the same for the same seed and others for another", () => {
    const again = (seed: number) => [...arrivals({ phases: [{ seconds: 1, rate: 50 }], paths: ["/"] }, seeded(seed))];
    assert.deepEqual(again(3), again(3));
    assert.notDeepEqual(again(3), again(4));
  });
});

suite("work of a request", () => {
  test("is told by the first segment of the path, and fixed for any other", () => {
    assert.deepEqual(workOf("/heavy/12"), { kind: "fixed", ms: 320 });
    assert.deepEqual(workOf("/bench"), WORKS["fixed"]);
  });

  test("is what its kind says on average", () => {
    for (const [name, work] of Object.entries(WORKS)) {
      const chance = seeded(11);
      let sum = 0;
      for (let i = 0; i < 50_000; i++) sum += draw(work, chance);
      near(sum / 50_000 / meanOf(work), 1, 0.03);
      assert.ok(meanOf(work) > 0, name);
    }
  });
});

suite("clients", () => {
  test("come back after a jittered while that doubles", () => {
    assert.deepEqual(
      [1, 2, 3].map((attempt) => retryAfter(attempt, () => 0.5)),
      [50, 100, 200],
    );
  });

  test("tell what they got by status and fields", () => {
    assert.equal(kindOf(200, "HTTP/1.1 200 OK\r\nContent-Length: 1"), "ok");
    assert.equal(kindOf(200, "HTTP/1.1 200 OK\r\nCache-Status: spillway; hit; ttl=-3"), "stale");
    assert.equal(kindOf(200, "HTTP/1.1 200 OK\r\nCache-Status: spillway; hit; ttl=3"), "ok");
    assert.deepEqual(
      [503, 429, 502, 504, 404].map((status) => kindOf(status, "")),
      ["refused", "refused", "error", "error", "error"],
    );
  });
});
