import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { createEventBus, type SaturationChanged } from "../../../src/core/events.ts";
import type { PriorityClass } from "../../../src/core/exchange.ts";
import { createSaturationGuard, Saturation, seatsFor } from "../../../src/http/saturation.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const window = (utilisation: number, answered = 1000, waitedMs = 4000, elapsed = 100) => ({
  utilisation,
  answered,
  waitedMs,
  elapsed,
});

test("half a second of a full loop limits the seats to what pace and waits make of them; a burst does not", () => {
  const saturation = new Saturation();
  // Ten exchanges a millisecond, each waiting 4 ms for its dependency.
  for (let i = 0; i < 50; i++) saturation.observe(window(0.5));
  for (let i = 0; i < 4; i++) {
    saturation.observe(window(1));
    assert.equal(saturation.seats, Number.POSITIVE_INFINITY);
  }
  saturation.observe(window(1));
  assert.equal(saturation.seats, 10 * (4 + 10));
  saturation.observe(window(0.95));
  assert.ok(saturation.limited, "still full enough");
  saturation.observe(window(0.89));
  assert.equal(saturation.seats, Number.POSITIVE_INFINITY);
  for (let i = 0; i < 4; i++) saturation.observe(window(1));
  assert.equal(saturation.limited, false, "counts anew");
});

test("a loop that was never calm takes all waits to be for the dependency; there are never fewer seats than 64", () => {
  const saturation = new Saturation();
  for (let i = 0; i < 5; i++) saturation.observe(window(1, 2000));
  assert.equal(saturation.seats, 20 * (2 + 10));
  const slow = new Saturation();
  for (let i = 0; i < 5; i++) slow.observe(window(1, 1, 2));
  assert.equal(slow.seats, 64);
});

test("a thousand that wait for a dependency that answers nobody are not our overload", () => {
  const saturation = new Saturation();
  for (let i = 0; i < 50; i++) saturation.observe(window(1, 0, 0));
  assert.equal(saturation.limited, false);
});

test("what is waited for while the loop is full says nothing of the dependency", () => {
  const saturation = new Saturation();
  for (let i = 0; i < 50; i++) saturation.observe(window(0.5));
  for (let i = 0; i < 20; i++) saturation.observe(window(1, 1000, 900_000));
  assert.equal(saturation.seats, 140);
});

test("shares: bulk ends first, then sheddable, default, critical at twice the seats; system is never refused", () => {
  const at = (cls: PriorityClass, cohort: number): number => seatsFor(cls, cohort, 128);
  assert.deepEqual(
    [at("bulk", 127), at("sheddable", 127), at("default", 127), at("critical", 127)],
    [64, 96, 128, 256],
  );
  assert.deepEqual(
    [at("bulk", 0), at("sheddable", 0), at("default", 0), at("critical", 0)],
    [32.25, 64.25, 96.25, 224.25],
  );
  assert.equal(at("system", 0), Number.POSITIVE_INFINITY);
  const classes: PriorityClass[] = ["system", "critical", "default", "sheddable", "bulk"];
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 126 }), fc.integer({ min: 64, max: 1e6 }), (cohort, seats) => {
      for (const [i, cls] of classes.entries()) {
        assert.ok(seatsFor(cls, cohort + 1, seats) >= seatsFor(cls, cohort, seats));
        const next = classes[i + 1];
        if (next) assert.ok(seatsFor(cls, 0, seats) > seatsFor(next, 127, seats) - 1);
      }
    }),
  );
});

function guarded(t: TestContext, mode: "enforce" | "shadow" | "off") {
  const clock = new ManualClock();
  const bus = createEventBus(`saturation ${mode}`);
  const told: Omit<SaturationChanged, "gateway">[] = [];
  const wouldRefuse: string[] = [];
  t.after(
    bus.subscribe("spillway:saturation", ({ state, seats, waiting, utilisation }) =>
      told.push({ state, seats, waiting, utilisation }),
    ),
  );
  t.after(bus.subscribe("spillway:would-refuse", ({ reason, class: cls }) => wouldRefuse.push(`${reason} ${cls}`)));
  const load = { use: 1, utilisation: () => load.use };
  const guard = createSaturationGuard({ clock, bus, load, mode });
  t.after(() => guard.close());
  return { clock, load, guard, told, wouldRefuse };
}

test("the guard refuses by class once half a second was full, tells it once, and lets all in when there is room", (t) => {
  const { clock, load, guard, told, wouldRefuse } = guarded(t, "enforce");
  for (let i = 0; i < 101; i++) guard.began();
  clock.advance(499);
  guard.ended(5);
  assert.ok(guard.admits({ class: "bulk", cohort: 0 }));
  assert.deepEqual([guard.full, guard.seats], [true, Number.POSITIVE_INFINITY]);
  clock.advance(1);
  assert.equal(guard.seats, 64);
  // 64 seats, 100 waiting.
  assert.deepEqual(
    (["system", "critical", "default", "sheddable", "bulk"] as const).map((cls) =>
      guard.admits({ class: cls, cohort: 127 }),
    ),
    [true, true, false, false, false],
  );
  for (let i = 0; i < 60; i++) guard.ended(5);
  assert.deepEqual(
    (["default", "sheddable", "bulk"] as const).map((cls) => guard.admits({ class: cls, cohort: 127 })),
    [true, true, false],
  );
  load.use = 0.2;
  clock.advance(100);
  assert.ok(guard.admits({ class: "bulk", cohort: 0 }));
  assert.deepEqual(told, [
    { state: "full", seats: 64, waiting: 100, utilisation: 1 },
    { state: "room", seats: Number.POSITIVE_INFINITY, waiting: 40, utilisation: 0.2 },
  ]);
  assert.deepEqual(wouldRefuse, []);
});

test("in shadow mode all are let in and those counted that would not be; off is off", (t) => {
  const shadow = guarded(t, "shadow");
  for (let i = 0; i < 101; i++) shadow.guard.began();
  shadow.guard.ended(5);
  shadow.clock.advance(400);
  shadow.guard.ended(5);
  shadow.clock.advance(100);
  assert.ok(shadow.guard.admits({ class: "bulk", cohort: 0 }));
  assert.ok(shadow.guard.admits({ class: "critical", cohort: 0 }));
  assert.deepEqual(shadow.wouldRefuse, ["busy bulk"]);
  const off = guarded(t, "off");
  for (let i = 0; i < 101; i++) off.guard.began();
  off.clock.advance(400);
  off.guard.ended(5);
  off.clock.advance(100);
  assert.ok(off.guard.admits({ class: "bulk", cohort: 0 }));
  assert.deepEqual(off.wouldRefuse, []);
});
