import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { Timeouts, type Wait } from "../../../src/core/timeouts.ts";
import { ManualClock } from "../../support/manual-clock.ts";

suite("timeouts", () => {
  test("fires once, not before its time and at most a tenth late", () => {
    const clock = new ManualClock();
    const waits = new Timeouts(clock, 100);
    let fired = 0;
    waits.start(() => fired++);
    clock.advance(99);
    assert.equal(fired, 0);
    clock.advance(11);
    assert.equal(fired, 1);
    clock.advance(1000);
    assert.equal(fired, 1);
    assert.equal(clock.pending, 0);
  });

  test("its timer does not keep a process alive, and the slack is a second at most", () => {
    const clock = new ManualClock();
    new Timeouts(clock, 60_000).start(() => {});
    assert.equal(clock.pendingForeground, 0);
    assert.equal(clock.nextIn, 61_000);
  });

  test("cancel and restart, also after the end, also twice", () => {
    const clock = new ManualClock();
    const waits = new Timeouts(clock, 100);
    const fired: string[] = [];
    const a = waits.start(() => fired.push("a"));
    const b = waits.start(() => fired.push("b"));
    waits.start(() => fired.push("c"));
    clock.advance(50);
    a.restart();
    b.cancel();
    b.cancel();
    b.restart();
    clock.advance(60);
    assert.deepEqual(fired, ["c"]);
    clock.advance(60);
    assert.deepEqual(fired, ["c", "a"]);
    a.restart();
    a.cancel();
    clock.advance(1000);
    assert.deepEqual(fired, ["c", "a"]);
  });

  test("a callback that starts a wait does not delay those that are due before it", () => {
    const clock = new ManualClock();
    const waits = new Timeouts(clock, 100);
    const fired: string[] = [];
    waits.start(() => {
      fired.push("first");
      waits.start(() => fired.push("third"));
    });
    clock.advance(50);
    waits.start(() => fired.push("second"));
    clock.advance(110);
    assert.deepEqual(fired, ["first", "second"]);
  });

  test("a callback may cancel others that are due with it, and clear the queue", () => {
    const clock = new ManualClock();
    const waits = new Timeouts(clock, 100);
    const fired: string[] = [];
    waits.start(() => {
      fired.push("a");
      b.cancel();
    });
    const b = waits.start(() => fired.push("b"));
    waits.start(() => {
      fired.push("c");
      waits.clear();
    });
    waits.start(() => fired.push("d"));
    clock.advance(200);
    assert.deepEqual(fired, ["a", "c"]);
    assert.equal(clock.pending, 0);
    waits.start(() => fired.push("e"));
    clock.advance(110);
    assert.deepEqual(fired, ["a", "c", "e"]);
  });

  test("clear forgets every wait and its timer", () => {
    const clock = new ManualClock();
    const waits = new Timeouts(clock, 100);
    const wait = waits.start(() => assert.fail("was cleared"));
    waits.clear();
    assert.equal(clock.pending, 0);
    wait.restart();
    wait.cancel();
    clock.advance(1000);
  });

  test("whatever is started, restarted, cancelled and nested: each live wait fires once, in its window", () => {
    type Act = { do: "start" | "nest" | "restart" | "cancel" | "pass"; n: number };
    const act: fc.Arbitrary<Act> = fc.record({
      do: fc.constantFrom("start", "start", "nest", "restart", "cancel", "pass", "pass"),
      n: fc.nat(120),
    });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const clock = new ManualClock();
        const waits = new Timeouts(clock, 100);
        const live: { wait: Wait; from: number; state: "waits" | "fired" | "cancelled" }[] = [];
        const start = (nested: boolean): void => {
          const own: (typeof live)[number] = { wait: undefined as unknown as Wait, from: clock.now(), state: "waits" };
          own.wait = waits.start(() => {
            assert.equal(own.state, "waits");
            const waited = clock.now() - own.from;
            assert.ok(waited >= 100 && waited <= 110, `fired after ${waited}`);
            own.state = "fired";
            if (nested) start(false);
          });
          live.push(own);
        };
        for (const one of acts) {
          const chosen = live[one.n % Math.max(live.length, 1)];
          if (one.do === "pass") clock.advance(one.n);
          else if (one.do === "start" || one.do === "nest") start(one.do === "nest");
          else if (chosen && one.do === "cancel") {
            chosen.wait.cancel();
            if (chosen.state === "waits") chosen.state = "cancelled";
          } else if (chosen) {
            chosen.wait.restart();
            if (chosen.state === "waits") chosen.from = clock.now();
          }
        }
        clock.advance(1000);
        assert.ok(live.every((own) => own.state !== "waits"));
        assert.equal(clock.pending, 0);
      }),
      { numRuns: 1000 },
    );
  });
});
