import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ManualClock } from "../../support/manual-clock.ts";

suite("manual clock", () => {
  test("runs timers in the order in which they fall due, those of one instant as started, each at its own instant", () => {
    const clock = new ManualClock({ now: 1000 });
    const ran: [string, number][] = [];
    const note = (name: string) => (): void => void ran.push([name, clock.now()]);
    clock.after(20, note("c"));
    clock.after(10, note("a"));
    clock.after(10, note("b"));
    clock.after(30, note("late"));
    clock.advance(20);
    assert.deepEqual(ran, [
      ["a", 1010],
      ["b", 1010],
      ["c", 1020],
    ]);
    assert.equal(clock.now(), 1020);
    assert.equal(clock.pending, 1);
    assert.equal(clock.nextIn, 10);
  });

  test("timers started on the way run too when they fall due; cancelled ones do not", () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    clock.after(10, () => {
      clock.after(5, () => ran.push("nested"));
      cancel();
    });
    const cancel = clock.after(12, () => ran.push("cancelled"));
    clock.advance(15);
    assert.deepEqual(ran, ["nested"]);
    assert.equal(clock.pending, 0);
  });

  test("repeats until cancelled, from within too", () => {
    const clock = new ManualClock();
    let ran = 0;
    const stop = clock.every(10, () => {
      ran += 1;
      if (ran === 3) stop();
    });
    clock.advance(100);
    assert.equal(ran, 3);
    assert.equal(clock.pending, 0);
  });

  test("wall and monotonic time are set apart; a blocked loop runs its timers late", () => {
    const clock = new ManualClock({ wall: 5000 });
    let at = 0;
    clock.after(10, () => (at = clock.now()));
    clock.setWall(1000);
    clock.advance(5);
    assert.equal(clock.wall(), 1005);
    clock.setNow(50);
    assert.equal(at, 0);
    clock.advance(0);
    assert.equal(at, 50);
    assert.equal(clock.wall(), 1005);
    assert.throws(() => clock.setNow(0), /does not go back/);
  });

  test("lets promises go on between timers when asked to", async () => {
    const clock = new ManualClock();
    const pause = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
    let steps = 0;
    const walking = (async () => {
      for (; steps < 3; steps++) await pause(10);
    })();
    await clock.advanceAsync(30);
    await walking;
    assert.equal(steps, 3);
    assert.equal(clock.now(), 30);
  });

  test("a timer that restarts itself without delay is an error, not a hang", () => {
    const clock = new ManualClock();
    const again = (): void => void clock.after(0, again);
    again();
    assert.throws(() => clock.advance(1), /restarts itself/);
  });

  test("background timers are told apart", () => {
    const clock = new ManualClock();
    clock.after(1, () => {}, "background");
    clock.every(1, () => {});
    assert.equal(clock.pending, 2);
    assert.equal(clock.pendingForeground, 0);
  });
});
