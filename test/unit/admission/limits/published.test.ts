import assert from "node:assert/strict";
import { test } from "node:test";
import { aimdLimit } from "../../../../src/admission/limits/aimd.ts";
import { gradient2Limit } from "../../../../src/admission/limits/gradient2.ts";
import type { Limit } from "../../../../src/admission/limits/limit.ts";
import { vegasLimit } from "../../../../src/admission/limits/vegas.ts";

const bounds = { initial: 20, min: 2, max: 200 };

interface Kind {
  readonly latency: number;
  readonly inFlight?: number;
  readonly dropped?: boolean;
}

/** Windows of a second, ten calls each, all alike; gives the seats after each. */
function windows(limit: Limit, kinds: readonly Kind[], from = 0): number[] {
  return kinds.map(({ latency, inFlight, dropped }, window) => {
    for (let call = 1; call <= 10; call++) {
      const now = (from + window) * 1001 + call * 100.1;
      const seats = inFlight ?? limit.seats(now);
      limit.ended(
        { route: "r", startedAt: now - latency, latency, inFlight: seats, ending: dropped ? "dropped" : "success" },
        now,
      );
    }
    return limit.seats((from + window + 1) * 1001);
  });
}

const calls = (count: number, kind: Kind): Kind[] => Array.from({ length: count }, () => kind);

test("aimd: a seat more a window while half the seats are in use, none below that", () => {
  assert.deepEqual(windows(aimdLimit(bounds), calls(4, { latency: 50 })).slice(1), [21, 22, 23]);
  assert.deepEqual(windows(aimdLimit(bounds), calls(3, { latency: 50, inFlight: 9 })), [20, 20, 20]);
});

test("aimd: a tenth fewer after a window with a drop or slower than 5 s, at least one", () => {
  assert.deepEqual(windows(aimdLimit(bounds), calls(4, { latency: 50, dropped: true })).slice(1), [18, 16, 14]);
  assert.equal(windows(aimdLimit(bounds), calls(2, { latency: 5001 })).at(-1), 18);
  assert.equal(windows(aimdLimit({ ...bounds, initial: 5 }), calls(2, { latency: 50, dropped: true })).at(-1), 4);
});

test("vegas: six steps up while nobody waits, one while few do, none while enough do, one down while many do", () => {
  const step = (latency: number): number => {
    const limit = vegasLimit({ initial: 100, min: 2, max: 1000 }, () => 0.5);
    windows(limit, calls(2, { latency: 50 }));
    const [one, two] = windows(limit, calls(2, { latency }), 2);
    return two! - one!;
  };
  assert.deepEqual([50, 52, 54.5, 65].map(step), [12, 2, 0, -2]);
});

test("vegas: takes the baseline anew after 22.5 windows a seat", () => {
  const limit = vegasLimit({ initial: 10, min: 10, max: 11 }, () => 0.5);
  windows(limit, [{ latency: 10 }, ...calls(220, { latency: 100 })]);
  assert.equal(limit.seats(0), 10);
  windows(limit, calls(10, { latency: 100 }), 221);
  assert.equal(limit.seats(0), 11);
});

test("gradient2: four seats more a window, smoothed, while latency is within 1.5 times its long average", () => {
  const seats = windows(gradient2Limit(bounds), calls(6, { latency: 50 }));
  assert.deepEqual(seats.slice(1), [20, 21, 22, 23, 24]);
});

test("gradient2: halves at most, a fifth of it a window, when latency jumps", () => {
  const limit = gradient2Limit({ initial: 100, min: 2, max: 200 });
  const before = windows(limit, calls(20, { latency: 50 })).at(-1)!;
  const [one, two] = windows(limit, calls(2, { latency: 5000 }), 20) as [number, number];
  assert.ok(one <= before && two <= before * 0.93, `${before}, ${one}, ${two}`);
});

test("gradient2: nothing changes while less than half the seats are in use", () => {
  assert.deepEqual(windows(gradient2Limit(bounds), calls(3, { latency: 50, inFlight: 9 })), [20, 20, 20]);
});

test("published limits: windows with fewer than ten calls go on, calls faster than 100 us are passed over", () => {
  for (const limit of [aimdLimit(bounds), vegasLimit(bounds, () => 0.5), gradient2Limit(bounds)]) {
    windows(limit, calls(5, { latency: 0.05 }));
    for (let call = 0; call < 9; call++) {
      limit.ended({ route: "r", startedAt: 0, latency: 5000, inFlight: 20, ending: "dropped" }, call * 3000);
    }
    assert.equal(limit.seats(30_000), 20);
  }
});
