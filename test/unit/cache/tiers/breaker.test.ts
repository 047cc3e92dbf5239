import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { admitted, Breaker, CLOSED, failedOnce, untried, succeededOnce } from "../../../../src/cache/tiers/breaker.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const opened = failedOnce(CLOSED, "timeout", 1000, 0);

test("five failures in a row open it, or one that cost a deadline", () => {
  let state = CLOSED;
  for (let count = 1; count < 5; count++) {
    state = failedOnce(state, "failed", 0, 0);
    assert.equal(state.at, "closed");
  }
  assert.equal(succeededOnce(state), CLOSED);
  assert.deepEqual(failedOnce(state, "failed", 7, 0), { at: "open", until: 257, pause: 250 });
  assert.deepEqual(opened, { at: "open", until: 1250, pause: 250 });
});

test("open, it lets one probe through after its pause; a failure doubles that, up to half a second", () => {
  assert.equal(admitted(opened, 1249.9)[1], "no");
  let [state, pass] = admitted(opened, 1250);
  assert.equal(pass, "probe");
  assert.equal(admitted(state, 1250 + 249)[1], "no");
  assert.equal(admitted(state, 1250 + 250)[1], "probe", "the first one is lost");
  for (const pause of [500, 500]) {
    const next = failedOnce(state, "failed", 2000, 0);
    assert.deepEqual(next, { at: "open", until: 2000 + pause, pause });
    [state, pass] = admitted(next, 2000 + pause);
    assert.equal(pass, "probe");
  }
  assert.equal(succeededOnce(state), CLOSED);
});

test("a success from before it opened does not close it, a new connection lets the next call probe", () => {
  assert.equal(succeededOnce(opened), opened);
  assert.equal(admitted(untried(opened), 1000)[1], "probe");
  assert.equal(untried(CLOSED), CLOSED);
});

test("whatever happens: no two probes at a time, a pause of 187.5 ms to half a second, and told by turns", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 1500 }) }),
    fc.record({ kind: fc.constantFrom("call" as const, "fail" as const, "timeout" as const, "up" as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (steps, random) => {
      const clock = new ManualClock();
      const told: string[] = [];
      const breaker = new Breaker(
        clock,
        () => random,
        (state) => told.push(state),
      );
      for (const one of steps) {
        if (one.kind === "wait") clock.advance(one.ms);
        else if (one.kind === "up") breaker.untried();
        else {
          const pass = breaker.admit();
          if (pass === "probe") assert.equal(breaker.admit(), "no");
          if (pass === "no") continue;
          if (one.kind === "call") breaker.succeeded();
          else breaker.failed(one.kind === "fail" ? "failed" : "timeout", "why");
          if (breaker.state === "open") {
            assert.equal(breaker.admit(), "no");
            clock.advance(187);
            assert.equal(breaker.admit(), "no");
          }
        }
      }
      clock.advance(500);
      assert.notEqual(breaker.admit(), "no");
      for (const [index, state] of told.entries()) assert.equal(state, index % 2 === 0 ? "open" : "closed");
    }),
  );
});
