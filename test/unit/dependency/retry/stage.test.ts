import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { StreamedBody, wholeBody } from "../../../../src/core/body.ts";
import type { Exchange, RequestBody } from "../../../../src/core/exchange.ts";
import { headerValue } from "../../../../src/core/headers.ts";
import { failed, refused, type Outcome, type Served } from "../../../../src/core/outcome.ts";
import { Retry } from "../../../../src/dependency/retry/retry.ts";
import { retrySettings, type RetrySettings } from "../../../../src/dependency/retry/settings.ts";
import { createRetryStage } from "../../../../src/dependency/retry/stage.ts";
import { Client } from "../../../support/asking.ts";
import { endedExchange } from "../../../support/ended-exchange.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const answer = (status: number, headers: string[] = []): Served => ({
  kind: "served",
  status,
  headers,
  body: wholeBody(Buffer.from("x")),
  by: "dependency",
});

interface Rig {
  readonly settings?: Partial<RetrySettings>;
  readonly total?: number;
  readonly level?: number;
  readonly random?: number;
}

/** A stage before a dependency that gives one outcome after the other, each `takes` ms after it was asked. */
function rigOf(outcomes: readonly (Outcome | Error)[], { settings, total = 4000, level = 0, random = 0.5 }: Rig = {}) {
  const clock = new ManualClock({ now: 1000 });
  const retry = new Retry({ ...(retrySettings.parse({}) as RetrySettings), ...settings });
  const held = { now: 0, most: 0, over: false };
  const seen: Exchange[] = [];
  const hold = {
    enter: () => void (held.most = Math.max(held.most, ++held.now)),
    leave: () => void held.now--,
    get over() {
      return held.over;
    },
  };
  const stage = createRetryStage({ retry, total, hold, clock, random: () => random, level: () => level });
  const handler = stage((exchange) => {
    seen.push(exchange);
    const outcome = outcomes[seen.length - 1];
    assert.ok(outcome, "asked too often");
    return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
  });
  const client = new Client();
  const ask = (facts: Partial<Exchange> = {}): Promise<Outcome> =>
    Promise.resolve(handler({ ...endedExchange().exchange, headers: ["a", "b"], departure: client, ...facts }));
  const results = (): Record<string, number> =>
    Object.fromEntries(retry.read(clock).results.flatMap(({ result, count }) => (count ? [[result, count]] : [])));
  const assertAtRest = (): void => {
    const { inFlight, retrying } = retry.read(clock);
    assert.deepEqual([inFlight, retrying, clock.pending, client.listeners, held.now], [0, 0, 0, 0, 0]);
  };
  return { ask, clock, client, retry, seen, held, results, assertAtRest };
}

/** What a wait for an outcome comes to while `ms` pass. */
async function after<T>(clock: ManualClock, ms: number, outcome: Promise<T>): Promise<T> {
  await clock.advanceAsync(ms);
  return await outcome;
}

const RESET = failed("reset", "gone");
const triesOf = (outcome: Outcome): number | undefined => ("tries" in outcome ? outcome.tries?.count : undefined);

suite("the stage of further tries", () => {
  test("a healthy answer is passed on as it is, and nothing is kept", async () => {
    const ok = answer(200);
    const rig = rigOf([ok]);
    assert.equal(await rig.ask(), ok);
    rig.assertAtRest();
    assert.deepEqual([rig.seen.length, rig.held.most, rig.results()], [1, 0, {}]);
  });

  for (const first of [
    RESET,
    failed("connect", ""),
    failed("connect-timeout", ""),
    answer(502),
    answer(503),
    answer(504),
  ]) {
    test(`${first.kind === "failed" ? first.reason : first.status}: the second try's answer, which says how many there were`, async () => {
      const rig = rigOf([first, answer(200)]);
      const outcome = await after(rig.clock, 25, rig.ask());
      assert.deepEqual([(outcome as Served).status, triesOf(outcome)], [200, 2]);
      assert.deepEqual(rig.results(), { recovered: 1 });
      rig.assertAtRest();
    });
  }

  test("the second try waits for as long as was drawn, and keeps the dependency from being closed meanwhile", async () => {
    const rig = rigOf([RESET, answer(200)], { random: 0.8 });
    const asked = rig.ask();
    await rig.clock.advanceAsync(19);
    assert.deepEqual([rig.seen.length, rig.held.now, rig.clock.pendingForeground], [1, 1, 0]);
    await after(rig.clock, 1, asked);
    rig.assertAtRest();
  });

  test("a further try is marked, has the time that is left, and the same in all else", async () => {
    const rig = rigOf([RESET, answer(200)], { total: 500 });
    const body = { whole: Buffer.from("octets") } as RequestBody;
    await after(rig.clock, 25, rig.ask({ method: "PUT", body, headers: ["a", "b", "Spillway-Attempt", "9"] }));
    const [first, second] = rig.seen;
    assert.equal(headerValue(first!.headers, "spillway-attempt"), "9");
    assert.deepEqual(second!.headers, ["a", "b", "spillway-attempt", "2"]);
    assert.deepEqual([first!.deadline, second!.deadline], [Number.POSITIVE_INFINITY, 1500]);
    assert.deepEqual(
      { ...second, headers: 0, deadline: 0, interim: 0, deadlineFields: 0 },
      { ...first, headers: 0, deadline: 0, interim: 0, deadlineFields: 0 },
    );
    assert.equal(second!.body, body);
  });

  test("one more try, two for a critical request, and the last failure is the answer", async () => {
    for (const [cls, tries] of [
      ["default", 2],
      ["sheddable", 2],
      ["critical", 3],
      ["system", 3],
    ] as const) {
      const rig = rigOf([RESET, RESET, failed("connect", "last")].slice(0, tries));
      const outcome = await after(rig.clock, 1000, rig.ask({ class: cls }));
      assert.deepEqual([outcome.kind, rig.seen.length, triesOf(outcome)], ["failed", tries, tries]);
      assert.deepEqual(rig.results(), { failed: tries - 1 });
      rig.assertAtRest();
    }
  });

  test("POST and bodies that are not here whole never go twice, a refusal of ours neither", async () => {
    for (const facts of [
      { method: "POST" },
      { method: "PATCH" },
      { method: "PUT", body: { whole: undefined } as RequestBody },
    ]) {
      const rig = rigOf([RESET]);
      assert.equal(await rig.ask(facts), RESET);
      rig.assertAtRest();
    }
    for (const outcome of [refused("full", ""), refused("deadline", ""), failed("bad-response", ""), answer(500)]) {
      const rig = rigOf([outcome]);
      assert.equal(await rig.ask(), outcome);
      rig.assertAtRest();
    }
  });

  test("a client that leaves in the pause ends it at once, and nothing is asked", async () => {
    const rig = rigOf([RESET]);
    const asked = rig.ask();
    await rig.clock.advanceAsync(5);
    rig.client.leave();
    const outcome = await asked;
    assert.deepEqual([outcome.kind, (outcome as { reason?: string }).reason], ["failed", "client-gone"]);
    assert.deepEqual([rig.seen.length, rig.results()], [1, { abandoned: 1 }]);
    rig.assertAtRest();
  });

  test("a client that has left is nobody to try for", async () => {
    const rig = rigOf([RESET]);
    rig.client.leave();
    assert.equal(await rig.ask(), RESET);
    rig.assertAtRest();
  });

  test("Retry-After is in seconds and waited for; one that is longer than what is left is a reason not to try", async () => {
    const patient = rigOf([answer(503, ["Retry-After", "2"]), answer(200)]);
    const asked = patient.ask();
    await patient.clock.advanceAsync(2000);
    assert.equal(patient.seen.length, 1);
    assert.equal(((await after(patient.clock, 13, asked)) as Served).status, 200);
    for (const facts of [{ deadline: 2900 }, {}]) {
      const outcome = answer(503, ["Retry-After", "deadline" in facts ? "2" : "4"]);
      const rig = rigOf([outcome]);
      assert.equal(await rig.ask(facts), outcome);
      assert.deepEqual(rig.results(), { "no-time": 1 });
      rig.assertAtRest();
    }
  });

  test("a try that took all the time there was is the last one", async () => {
    const late = failed("timeout", "");
    const rig = rigOf([late]);
    const slow = createRetryStage({
      retry: rig.retry,
      total: 100,
      hold: { enter() {}, leave() {}, over: false },
      clock: rig.clock,
      random: () => 0.5,
      level: () => 0,
    })(() => new Promise((resolve) => rig.clock.after(100, () => resolve(late))));
    const outcome = await after(
      rig.clock,
      100,
      Promise.resolve(slow({ ...endedExchange().exchange, departure: rig.client })),
    );
    assert.equal(outcome, late);
    assert.deepEqual(rig.results(), { "no-time": 1 });
    rig.assertAtRest();
  });

  test("from level 1 sheddable and bulk requests get no further try, from level 2 nobody does", async () => {
    for (const [level, cls, tries] of [
      [0, "bulk", 2],
      [1, "bulk", 1],
      [1, "sheddable", 1],
      [1, "default", 2],
      [2, "default", 1],
      [2, "critical", 1],
      [3, "system", 1],
    ] as const) {
      const rig = rigOf([RESET, answer(200)], { level });
      await after(rig.clock, 25, rig.ask({ class: cls }));
      assert.deepEqual([rig.seen.length, rig.results()], [tries, tries === 1 ? { level: 1 } : { recovered: 1 }]);
      rig.assertAtRest();
    }
  });

  test("without budget the failure is the answer", async () => {
    const rig = rigOf([RESET, RESET, RESET, RESET, RESET, RESET, RESET]);
    const asked = [rig.ask(), rig.ask(), rig.ask(), rig.ask()];
    await rig.clock.advanceAsync(25);
    await Promise.all(asked);
    assert.deepEqual([rig.seen.length, rig.results()], [7, { failed: 3, "no-budget": 1 }]);
    rig.assertAtRest();
  });

  test("the body of an answer that is not used is given up before the next try, a short one read to its end", async () => {
    const cancelled: string[] = [];
    const source = (name: string) => ({ pause() {}, resume() {}, cancel: () => void cancelled.push(name) });
    const long = new StreamedBody(source("long"), 100_000);
    const short = new StreamedBody(source("short"), 10);
    const stuck = new StreamedBody(source("stuck"), 10);
    const rig = rigOf(
      [{ ...answer(503), body: long }, { ...answer(503), body: short }, { ...answer(503), body: stuck }, answer(200)],
      { settings: { attempts: 3 } },
    );
    const asked = rig.ask();
    await rig.clock.advanceAsync(0);
    assert.deepEqual(cancelled, ["long"]);
    await rig.clock.advanceAsync(13);
    assert.equal(rig.seen.length, 2);
    short.push(Buffer.alloc(10));
    short.finish();
    await rig.clock.advanceAsync(25);
    assert.equal(rig.seen.length, 3);
    assert.deepEqual(cancelled, ["long"]);
    await after(rig.clock, 50, asked);
    assert.deepEqual(cancelled, ["long", "stuck"]);
    rig.assertAtRest();
  });

  test("once the dependency is cut off there is no further try, before the pause and behind it", async () => {
    const cut = rigOf([RESET]);
    cut.held.over = true;
    assert.equal(await cut.ask(), RESET);
    cut.assertAtRest();
    const pausing = rigOf([RESET]);
    const asked = pausing.ask();
    await pausing.clock.advanceAsync(5);
    pausing.held.over = true;
    assert.equal(await after(pausing.clock, 20, asked), RESET);
    pausing.assertAtRest();
  });

  test("a breaker that has opened meanwhile ends it: the failure is the answer, or the refusal where an answer was given up", async () => {
    const open = refused("breaker", "");
    const failing = rigOf([RESET, open]);
    assert.equal(await after(failing.clock, 25, failing.ask()), RESET);
    failing.assertAtRest();
    const answering = rigOf([answer(503), open]);
    assert.equal((await after(answering.clock, 25, answering.ask())).kind, "refused");
    assert.deepEqual(answering.results(), { refused: 1 });
    answering.assertAtRest();
  });

  test("nor for what a kept answer can stand in for", async () => {
    const rig = rigOf([RESET]);
    assert.equal(await rig.ask({ standIn: true }), RESET);
    rig.assertAtRest();
  });

  test("what is thrown further in goes on, and nothing is kept", async () => {
    const rig = rigOf([new Error("planted")]);
    await assert.rejects(rig.ask(), /planted/);
    rig.assertAtRest();
    const again = rigOf([RESET, new Error("planted later")]);
    const rejected = assert.rejects(again.ask(), /planted later/);
    await after(again.clock, 25, rejected);
    again.assertAtRest();
  });

  test("a dropped first try and the time of the last one are told to whoever limits", async () => {
    const rig = rigOf([failed("connect", ""), answer(503), answer(200)], { settings: { attempts: 2 } });
    const outcome = (await after(rig.clock, 100, rig.ask())) as Served;
    assert.deepEqual(outcome.tries, { count: 3, lastAt: 1037.5, dropped: true });
  });
});
