import assert from "node:assert/strict";
import { test } from "node:test";
import { adaptiveLimit } from "../../../../src/admission/limits/adaptive.ts";
import type { Limit } from "../../../../src/admission/limits/limit.ts";
import { changes } from "../../../support/simulator/changes.ts";
import { scenarios } from "../../../support/simulator/scenario.ts";
import { simulate } from "../../../support/simulator/simulate.ts";
import { seeded } from "../../../support/traces.ts";

const bounds = { initial: 10, min: 2, max: 1000 };

/** All but the one of 15 minutes: the integration tests run that, and each with three seeds. */
for (const scenario of scenarios.filter(({ name }) => name !== "B")) {
  test(`adaptive: ${scenario.about}: 94.5 % of what is possible`, () => {
    const { served } = simulate(scenario, adaptiveLimit(bounds, seeded(1)), 1);
    assert.ok(served >= 0.945, `${(100 * served).toFixed(1)} %`);
  });
}

for (const change of changes) {
  test(`adaptive: ${change.name}: 95 % of what is possible`, () => {
    const { served } = simulate(change, adaptiveLimit(change.bounds, seeded(1)), 1);
    assert.ok(served >= 0.95, `${(100 * served).toFixed(1)} %`);
  });
}

/** Calls one after the other on all seats, each `latency` ms; says the seats after each round. */
function rounds(limit: Limit, count: number, latency: (taken: number) => number, from = 0): number[] {
  let now = from;
  return Array.from({ length: count }, () => {
    const taken = limit.seats(now);
    const started = now;
    for (let seat = 1; seat <= taken; seat++) limit.began("r", now, seat);
    const took = latency(taken);
    now += took;
    for (let seat = 1; seat <= taken; seat++) {
      limit.ended({ route: "r", startedAt: started, latency: took, inFlight: seat, ending: "success" }, now);
    }
    return limit.seats(now);
  });
}

test("adaptive: half as many again a window while nobody waits", () => {
  const seats = rounds(adaptiveLimit(bounds, seeded(1)), 40, () => 50);
  const grown = seats.filter((now, at) => at > 0 && now > seats[at - 1]!);
  assert.ok(grown.length >= 4 && grown.at(-1)! >= 50, seats.join(" "));
});

test("adaptive: the limit is no more than twice what was used", () => {
  const limit = adaptiveLimit(bounds, seeded(1));
  let now = 0;
  for (let call = 0; call < 20_000; call++) {
    now += 10;
    const inFlight = 1 + (call % 12);
    limit.began("r", now, inFlight);
    limit.ended({ route: "r", startedAt: now - 20, latency: 20, inFlight, ending: "success" }, now);
    assert.ok(limit.seats(now) <= 24);
  }
});

test("adaptive: under lasting load seats are held back for a moment some times a minute, and given again", () => {
  const limit = adaptiveLimit(bounds, seeded(1));
  let held = 0;
  let longest = 0;
  let since = -1;
  const watched: Limit = {
    ...limit,
    seats(now) {
      const seats = limit.seats(now);
      if (now < 30_000) return seats;
      if (seats >= 18) since = -1;
      else if (since < 0) {
        held++;
        since = now;
      } else longest = Math.max(longest, now - since);
      return seats;
    },
  };
  simulate(scenarios[0]!, watched, 1);
  assert.ok(held >= 3 && held <= 10, `${held} drains in 90 s`);
  assert.ok(longest > 50 && longest < 1000, `${longest} ms`);
});

test("adaptive: a tenth off, once a window, while a fifth of the calls is dropped", () => {
  const limit = adaptiveLimit({ initial: 100, min: 2, max: 100 }, seeded(1));
  const seats = [{ at: 0, seats: 100 }];
  for (let now = 1; now < 1500; now++) {
    const inFlight = limit.seats(now);
    limit.began("r", now, inFlight);
    const ending = now > 500 && now % 5 === 0 ? "dropped" : "success";
    limit.ended({ route: "r", startedAt: now - 50, latency: 50, inFlight, ending }, now);
    if (limit.seats(now) !== seats.at(-1)!.seats) seats.push({ at: now, seats: limit.seats(now) });
  }
  const fall = seats.findIndex(({ at, seats: now }, place) => at > 500 && now < (seats[place - 1]?.seats ?? 0));
  const [before, after, next] = seats.slice(fall - 1);
  const share = after!.seats / before!.seats;
  assert.ok(share > 0.88 && share < 0.92, JSON.stringify(seats));
  assert.ok(after!.at - before!.at >= 100 && next!.at - after!.at >= 100, JSON.stringify(seats));
});

test("adaptive: from 10 to 64 seats of a dependency that takes half a millisecond in a quarter of a second", () => {
  const limit = adaptiveLimit({ initial: 10, min: 2, max: 1000 }, seeded(1));
  let now = 0;
  while (limit.seats(now) < 64 && now < 1000) {
    const seats = limit.seats(now);
    now += 0.5;
    for (let inFlight = 1; inFlight <= seats; inFlight++) {
      limit.began("r", now, inFlight);
      limit.ended({ route: "r", startedAt: now - 0.5, latency: 0.5, inFlight, ending: "success" }, now);
    }
  }
  assert.ok(now <= 250, `${now} ms`);
});

test("adaptive: a step of the clock with calls under way changes nothing", () => {
  const limit = adaptiveLimit(bounds, seeded(1));
  rounds(limit, 60, (taken) => (taken <= 20 ? 50 : 50 * (taken / 20)));
  const now = 60_000;
  const before = limit.seats(now);
  for (let seat = 1; seat <= before; seat++) limit.began("r", now, seat);
  const later = now + 3_600_000;
  for (let seat = 1; seat <= before; seat++) {
    limit.ended({ route: "r", startedAt: now, latency: 3_600_000, inFlight: seat, ending: "success" }, later);
  }
  assert.equal(limit.seats(later), before);
});

test("adaptive: a route of long polls beside quick calls is no slowdown", () => {
  const limit = adaptiveLimit(bounds, seeded(1));
  let now = 0;
  for (let call = 0; call < 4000; call++) {
    now += 25;
    const slow = call % 20 === 0;
    const latency = slow ? 30_000 : 20;
    limit.began(slow ? "poll" : "quick", now, 4);
    limit.ended(
      { route: slow ? "poll" : "quick", startedAt: now - latency, latency, inFlight: 4, ending: "success" },
      now,
    );
  }
  assert.ok(limit.seats(now) >= 10);
});
