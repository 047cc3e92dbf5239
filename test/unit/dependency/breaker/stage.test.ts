import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createEventBus } from "../../../../src/core/events.ts";
import type { Exchange } from "../../../../src/core/exchange.ts";
import { failed, type Outcome } from "../../../../src/core/outcome.ts";
import type { Handler } from "../../../../src/core/stage.ts";
import { Breaker } from "../../../../src/dependency/breaker/breaker.ts";
import { opossumEngine } from "../../../../src/dependency/breaker/engine.ts";
import { breakerSettings, type BreakerSettings } from "../../../../src/dependency/breaker/settings.ts";
import { createBreakerStage } from "../../../../src/dependency/breaker/stage.ts";
import { createJudge } from "../../../../src/dependency/breaker/verdict.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

function staged(next: Handler) {
  const settings = breakerSettings.parse({ minimumCalls: 2 }) as Exclude<BreakerSettings, "off">;
  const clock = new ManualClock({ now: 1000 });
  const parts = { name: "shop", clock, random: () => 0.5, bus: createEventBus("stage-test"), engine: opossumEngine };
  const breaker = new Breaker(settings, parts);
  const state = { asked: 0 };
  const handler = createBreakerStage(
    breaker,
    createJudge(settings),
    clock,
  )((exchange) => {
    state.asked++;
    return next(exchange);
  });
  return { breaker, clock, state, handler, [Symbol.dispose]: () => breaker.close() };
}

const exchange = (body?: Partial<Exchange["body"]>): Exchange => ({ class: "default", body }) as Exchange;

suite("the stage of a breaker", () => {
  test("tells it how calls went, at once or later, and asks nobody once it is open", async () => {
    const outcome = failed("reset", "");
    using later = staged(async () => outcome);
    using now = staged(() => outcome);
    for (const { handler, breaker, state } of [later, now]) {
      for (let i = 0; i < 2; i++) assert.equal(await handler(exchange()), outcome);
      assert.equal(breaker.read().state, "open");
      assert.equal(((await handler(exchange())) as { reason: string }).reason, "breaker");
      assert.equal(state.asked, 2);
    }
  });

  test("what is thrown goes on and tells nothing, and a probe that throws leaves its place", async () => {
    using rig = staged(() => {
      throw new Error("ours");
    });
    using late = staged(async () => {
      throw new Error("ours");
    });
    for (const { handler, breaker, clock, state } of [rig, late]) {
      const call = async (): Promise<Outcome> => handler(exchange());
      for (let i = 0; i < 5; i++) await assert.rejects(call(), /ours/);
      assert.deepEqual([breaker.read().state, breaker.read().calls], ["closed", 0]);
      breaker.hold({ state: "isolated", ttl: 1_000, reason: "test" });
      breaker.hold(undefined);
      const { asked } = state;
      for (let i = 0; i < 3; i++) {
        await assert.rejects(call(), /ours/);
        clock.advance(1_000);
      }
      assert.equal(state.asked, asked + 3);
    }
  });

  test("a call is timed by the clock, one whose upload is streamed is not", async () => {
    for (const [body, slow] of [
      [undefined, 1],
      [{ whole: Buffer.alloc(1) }, 1],
      [{ whole: undefined }, 0],
    ] as const) {
      using rig = staged(async () => {
        rig.clock.advance(1_000);
        return failed("timeout", "");
      });
      await rig.handler(exchange(body));
      assert.deepEqual([rig.breaker.read().failures, rig.breaker.read().slow], [1, slow]);
    }
  });
});
