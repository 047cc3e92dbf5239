import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Question } from "../../../src/cluster/messages.ts";
import { keepWeights } from "../../../src/cluster/weights.ts";
import { createEventBus } from "../../../src/core/events.ts";
import { ManualClock } from "../../support/manual-clock.ts";

test("a weight goes to all workers, and to whoever serves later for as long as it lasts", async () => {
  const clock = new ManualClock();
  const bus = createEventBus("weights-test");
  const asked: Question[] = [];
  let answers: readonly Answer[] = [
    { kind: "weight", found: true },
    { kind: "weight", found: false },
  ];
  const reweigh = keepWeights(
    {
      async askAll(question) {
        asked.push(question);
        return { answers, silent: 1 };
      },
    },
    bus,
    clock,
  );
  const serves = (): void => bus.publish("spillway:worker", { worker: 1, pid: 1, change: { kind: "serving" } });
  const order = { dependency: "d", target: "http://a", weight: 5, expires: clock.wall() + 1000, reason: "r" };
  assert.deepEqual(await reweigh(order), { found: 1, processes: 2, silent: 1 });
  serves();
  assert.deepEqual(asked, [
    { kind: "weight", order },
    { kind: "weight", order },
  ]);
  clock.advance(1000);
  serves();
  assert.equal(asked.length, 2, "it has expired");
  await reweigh({ ...order, expires: clock.wall() + 1000 });
  await reweigh({ ...order, weight: null });
  answers = [{ kind: "weight", found: false }];
  await reweigh({ ...order, target: "http://nowhere", expires: clock.wall() + 1000 });
  asked.length = 0;
  serves();
  assert.deepEqual(asked, [], "nothing is set");
});
