import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { Gate, type GateRules } from "../../../src/admission/gate.ts";
import type { Limit, Sample } from "../../../src/admission/limits/limit.ts";
import { createAdmissionStage } from "../../../src/admission/stage.ts";
import { StreamedBody, wholeBody } from "../../../src/core/body.ts";
import { createEventBus } from "../../../src/core/events.ts";
import type { BodyReadiness, Exchange, RequestBody } from "../../../src/core/exchange.ts";
import {
  failed,
  refused,
  type FailedReason,
  type Outcome,
  type Served,
  type TriesSeen,
} from "../../../src/core/outcome.ts";
import type { Soon } from "../../../src/core/soon.ts";
import { asking, Client } from "../../support/asking.ts";
import { endedExchange } from "../../support/ended-exchange.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const CAPS = [1000, 400, 300, 100, 20];
const RULES: GateRules = { mode: "enforce", caps: CAPS, depth: undefined };

interface Rig {
  readonly clock: ManualClock;
  readonly gate: Gate;
  readonly samples: Sample[];
  /** Exchanges that keep the dependency open though they have not come to it. */
  held(): number;
  handle(exchange: Exchange, next: (exchange: Exchange) => Soon<Outcome>): Soon<Outcome>;
}

function rigOf(seats: () => number): Rig {
  const clock = new ManualClock();
  const samples: Sample[] = [];
  const limit: Limit = { seats, began() {}, ended: (sample) => void samples.push(sample) };
  const gate = new Gate(limit, RULES, { clock, random: () => 0.5, bus: createEventBus("stage-test") });
  let held = 0;
  const hold = { enter: () => void held++, leave: () => void held-- };
  const stage = createAdmissionStage(gate, hold, clock);
  return { clock, gate, samples, held: () => held, handle: (exchange, next) => stage(next)(exchange) };
}

function exchangeOf(facts: Partial<Exchange> = {}): Exchange & { readonly departure: Client } {
  return { ...endedExchange({ exchange: facts }).exchange, departure: new Client() };
}

function bodyOf(): RequestBody & { settle(readiness: BodyReadiness): void } {
  const { promise, resolve } = Promise.withResolvers<BodyReadiness>();
  return {
    length: undefined,
    whole: Buffer.from("whole"),
    fault: undefined,
    ready: () => promise,
    stream: () => assert.fail("nobody streams"),
    settle: resolve,
  };
}

const answer = (facts: Partial<Served> = {}): Served => ({
  kind: "served",
  status: 200,
  headers: [],
  body: wholeBody(Buffer.from("a")),
  by: "dependency",
  ...facts,
});

const streamed = (): StreamedBody => new StreamedBody({ pause() {}, resume() {}, cancel() {} }, undefined);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

suite("the stage of admission", () => {
  test("an answer that is here at once goes on without a promise, and tells what admission saw", () => {
    const { gate, handle } = rigOf(() => 2);
    const outcome = handle(exchangeOf(), () => answer());
    assert.ok(!(outcome instanceof Promise));
    assert.ok(outcome.kind === "served");
    const admission = { limit: 2, inFlight: 0, ahead: 0, estimateMs: 0, capMs: 300, waitedMs: 0 };
    assert.deepEqual(outcome.admission, admission);
    assert.equal(gate.inFlight, 0);
  });

  test("an answer that is here with all of its octets holds no seat, whoever takes it when", async () => {
    const { gate, handle } = rigOf(() => 1);
    const body = streamed();
    const outcome = await handle(exchangeOf(), async () => {
      body.push(Buffer.from("a"));
      body.finish();
      return answer({ body });
    });
    assert.equal(gate.inFlight, 0);
    assert.ok(outcome.kind === "served");
    assert.deepEqual(outcome.body.takeWhole(), [Buffer.from("a")]);
    assert.equal(gate.inFlight, 0);
  });

  for (const [how, end] of [
    ["whole", (body: StreamedBody) => (body.pipe({ write: () => true, end() {}, fail() {} }), body.finish())],
    [
      "cut",
      (body: StreamedBody) => (body.pipe({ write: () => true, end() {}, fail() {} }), body.fail(new Error("cut"))),
    ],
    ["given up", (body: StreamedBody) => body.cancel(new Error("gone"))],
  ] as const) {
    test(`a seat is held until the body has ended: ${how}`, async () => {
      const { gate, handle } = rigOf(() => 1);
      const body = streamed();
      await handle(exchangeOf(), async () => answer({ body }));
      assert.equal(gate.inFlight, 1);
      end(body);
      assert.equal(gate.inFlight, 0);
    });
  }

  test("a client that takes a long answer too slowly keeps the seat for a second more", async () => {
    const { clock, gate, handle } = rigOf(() => 1);
    const body = streamed();
    await handle(exchangeOf(), async () => answer({ body }));
    body.pipe({ write: () => false, end() {}, fail() {} });
    clock.advance(5000);
    assert.equal(gate.inFlight, 1);
    body.push(Buffer.from("a"));
    clock.advance(999);
    assert.equal(gate.inFlight, 1);
    clock.advance(101);
    assert.equal(gate.inFlight, 0);
    body.finish();
    assert.equal(gate.inFlight, 0);
  });

  test("an upload that streams keeps the seat for a second, and nothing is learnt of how long it takes", async () => {
    const { clock, gate, handle, samples } = rigOf(() => 1);
    const body = { ...bodyOf(), whole: undefined, ready: async () => "streaming" as const };
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const outcome = handle(exchangeOf({ body }), () => promise);
    await turn();
    assert.equal(gate.inFlight, 1);
    clock.advance(1101);
    assert.equal(gate.inFlight, 0);
    resolve(answer());
    await outcome;
    assert.deepEqual([gate.inFlight, samples], [0, []]);
  });

  test("an event stream and a tunnel hold a seat until their head only", async () => {
    const { gate, handle } = rigOf(() => 1);
    const headers = ["Content-Type", "text/event-stream; charset=utf-8"];
    await handle(exchangeOf(), async () => answer({ body: streamed(), headers }));
    assert.equal(gate.inFlight, 0);
    await handle(exchangeOf(), async () => ({ kind: "tunnelled", status: 101 }));
    assert.equal(gate.inFlight, 0);
  });

  test("what throws or rejects gives its seat back and is passed on", async () => {
    const { gate, handle } = rigOf(() => 1);
    const broken = (): never => {
      throw new Error("broken");
    };
    assert.throws(() => handle(exchangeOf(), broken), /broken/);
    await assert.rejects(async () => handle(exchangeOf(), async () => broken()), /broken/);
    assert.equal(gate.inFlight, 0);
  });

  test("time-outs, resets, 503 and 429 count as dropped, other answers as success, all else not at all", async () => {
    const { samples, handle } = rigOf(() => 100);
    const endings = async (outcomes: readonly Outcome[]): Promise<string[]> => {
      samples.length = 0;
      for (const outcome of outcomes) await handle(exchangeOf(), () => outcome);
      return samples.map(({ ending }) => ending);
    };
    const fails = (reasons: readonly FailedReason[]): Outcome[] => reasons.map((reason) => failed(reason, ""));
    assert.deepEqual(await endings(fails(["timeout", "connect-timeout", "reset"])), ["dropped", "dropped", "dropped"]);
    assert.deepEqual(await endings([answer({ status: 503 }), answer({ status: 429 })]), ["dropped", "dropped"]);
    assert.deepEqual(await endings([answer(), answer({ status: 500 })]), ["success", "success"]);
    assert.deepEqual(await endings(fails(["connect", "bad-response", "client-gone", "internal"])), []);
    const others: Outcome[] = [refused("wait", ""), { kind: "handed-on" }, { kind: "tunnelled", status: 101 }];
    assert.deepEqual(await endings([...others, answer({ by: "cache" })]), []);
  });

  test("a slow upload takes no seat before it is worth one, and keeps the dependency open meanwhile", async () => {
    const { gate, handle, held } = rigOf(() => 1);
    const body = bodyOf();
    let asked = 0;
    const outcome = handle(exchangeOf({ body }), async () => (asked++, answer()));
    await turn();
    assert.deepEqual([gate.inFlight, asked, held()], [0, 0, 1]);
    body.settle("whole");
    await outcome;
    assert.deepEqual([asked, held()], [1, 0]);
  });

  test("a body that cannot be read is told without a seat", async () => {
    for (const [readiness, reason] of [
      ["too-large", "body-too-large"],
      ["too-slow", "body-timeout"],
      ["gone", "client-gone"],
      ["read-before", "internal"],
    ] as const) {
      const { gate, handle, held } = rigOf(() => 1);
      const body = bodyOf();
      const outcome = handle(exchangeOf({ body }), () => assert.fail("asked"));
      body.settle(readiness);
      assert.equal(((await outcome) as { reason?: string }).reason, reason);
      assert.deepEqual([gate.inFlight, held()], [0, 0]);
    }
  });

  test("a deadline that passes while the body comes is told at once", async () => {
    const { clock, handle, held } = rigOf(() => 1);
    const outcome = handle(exchangeOf({ body: bodyOf(), deadline: 50 }), () => assert.fail("asked"));
    await clock.advanceAsync(51);
    assert.equal(((await outcome) as { reason?: string }).reason, "deadline");
    assert.deepEqual([clock.pending, held()], [0, 0]);
  });

  test("who waits keeps the dependency open until it is over, and tells how long it has waited", async () => {
    const { clock, gate, handle, held } = rigOf(() => 1);
    const first = streamed();
    await handle(exchangeOf(), () => answer({ body: first }));
    const second = handle(exchangeOf(), async () => answer());
    assert.equal(held(), 1);
    clock.advance(30);
    first.cancel(new Error("given up"));
    const outcome = await second;
    assert.ok(outcome.kind === "served");
    assert.equal(outcome.admission!.waitedMs, 30);
    outcome.body.takeWhole();
    assert.deepEqual([gate.inFlight, held()], [0, 0]);
  });
});

const classes = ["system", "critical", "default", "sheddable", "bulk"] as const;
const ends = ["throws", "rejects", "whole", "streams", "fails", "refuses", "tunnels"] as const;
const who = fc.nat({ max: 30 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("ask" as const),
      cls: fc.constantFrom(...classes),
      tenant: fc.nat({ max: 5 }),
      patience: fc.option(fc.nat({ max: 500 })),
      uploads: fc.boolean(),
      ends: fc.constantFrom(...ends),
      sync: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("uploaded" as const),
      who,
      readiness: fc.constantFrom<BodyReadiness>("whole", "streaming", "gone", "too-slow"),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("answer" as const), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("end" as const), who, how: fc.nat({ max: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("leave" as const), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat({ max: 150 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("seats" as const), seats: fc.integer({ min: 1, max: 8 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("rules" as const),
      mode: fc.constantFrom("enforce" as const, "shadow" as const, "off" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("turn" as const) }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Plan = Extract<Step, { do: "ask" }>;

/** One exchange on its way: what of it is still to come can be made to come. */
class Course {
  readonly client = new Client();
  readonly upload = bodyOf();
  settled = false;
  asked = 0;
  body: StreamedBody | undefined;
  #answer: () => void = () => {};
  readonly #plan: Plan;

  constructor(rig: Rig, plan: Plan) {
    this.#plan = plan;
    const facts = asking(plan.cls, {
      tenant: `${plan.tenant}`,
      deadline: plan.patience === null ? Infinity : rig.clock.now() + plan.patience,
    });
    const exchange = exchangeOf({ ...facts, body: plan.uploads ? this.upload : undefined });
    const settle = (): void => void (this.settled = true);
    try {
      const outcome = rig.handle({ ...exchange, departure: this.client }, () => this.#next());
      if (outcome instanceof Promise) outcome.then(settle, settle);
      else settle();
    } catch {
      settle();
    }
  }

  #next(): Soon<Outcome> {
    this.asked++;
    if (this.#plan.sync) return this.#outcome();
    return new Promise((resolve, reject) => {
      this.#answer = () => {
        this.#answer = () => {};
        try {
          resolve(this.#outcome());
        } catch (thrown) {
          reject(thrown);
        }
      };
    });
  }

  #outcome(): Outcome {
    switch (this.#plan.ends) {
      case "throws":
      case "rejects":
        throw new Error("broken");
      case "whole":
        this.body = streamed();
        this.body.finish();
        return answer({ body: this.body });
      case "streams":
        this.body = streamed();
        return answer({ body: this.body });
      case "fails":
        return failed("timeout", "");
      case "refuses":
        return refused("back-off", "");
      case "tunnels":
        return { kind: "tunnelled", status: 101 };
    }
  }

  answer(): void {
    this.#answer();
  }

  end(how: number): void {
    const { body } = this;
    if (!body) return;
    if (how === 0) body.cancel(new Error("given up"));
    else if (how === 1) body.fail(new Error("cut"));
    else body.finish();
    // Whoever gets a body takes it.
    try {
      body.pipe({ write: () => true, end() {}, fail() {} });
    } catch {}
  }
}

test("whatever throws, ends, times out or leaves, and whenever: no seat is lost, nobody is left waiting, the limit holds", async () => {
  const steps = fc.array(step, { maxLength: 120, size: "max" });
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      let seats = 3;
      let enforced = true;
      const rig = rigOf(() => seats);
      const courses: Course[] = [];
      const of = (at: number): Course | undefined => courses[at % Math.max(1, courses.length)];
      for (const one of script) {
        const before = rig.gate.inFlight;
        switch (one.do) {
          case "ask":
            courses.push(new Course(rig, one));
            break;
          case "uploaded":
            of(one.who)?.upload.settle(one.readiness);
            break;
          case "answer":
            of(one.who)?.answer();
            break;
          case "end":
            of(one.who)?.end(one.how);
            break;
          case "leave":
            of(one.who)?.client.leave();
            break;
          case "wait":
            rig.clock.advance(one.ms);
            break;
          case "seats":
            seats = one.seats;
            break;
          case "rules":
            enforced = one.mode === "enforce";
            rig.gate.configure({ ...RULES, mode: one.mode });
            break;
          case "turn":
            await turn();
        }
        if (enforced) assert.ok(rig.gate.inFlight <= Math.max(seats, before), "more seats than there are");
        if (one.do !== "turn") continue;
        const asked = courses.filter((course) => course.asked > 1);
        assert.deepEqual(asked, [], "asked twice");
      }
      // All that can still come comes; what was waiting for it may begin something new.
      for (let round = 0; round < 3 || courses.some(({ settled }) => !settled); round++) {
        assert.ok(round < courses.length + 10, "somebody is left waiting");
        for (const course of courses) {
          course.upload.settle("whole");
          course.answer();
          await turn();
          course.end(0);
        }
        rig.clock.advance(20);
        await turn();
      }
      for (const course of courses) course.end(0);
      const listeners = courses.reduce((sum, { client }) => sum + client.listeners, 0);
      assert.deepEqual([rig.gate.inFlight, rig.gate.queued, rig.clock.pending, rig.held(), listeners], [0, 0, 0, 0, 0]);
    }),
    { numRuns: 100 },
  );
});

suite("what the limit of a dependency learns from a request that was tried more than once", () => {
  const tries = (dropped: boolean): TriesSeen => ({ count: 2, lastAt: 70, dropped });
  /** Of one that took 100 ms and ended so. */
  const learnt = (outcome: Outcome): unknown => {
    const { clock, gate, handle, samples } = rigOf(() => 1);
    const seen = handle(exchangeOf(), () => {
      clock.advance(100);
      return outcome;
    });
    assert.ok(!(seen instanceof Promise));
    if (seen.kind === "served") seen.body.takeWhole();
    assert.equal(gate.inFlight, 0);
    return samples.map(({ startedAt, latency, ending }) => ({ startedAt, latency, ending }));
  };

  test("is the time of the last try, without the others and the pauses between them", () => {
    const learns = [{ startedAt: 70, latency: 30, ending: "success" }];
    assert.deepEqual(learnt(answer({ tries: tries(false) })), learns);
  });

  test("is that it was dropped, when one of its tries was", () => {
    for (const outcome of [answer({ tries: tries(true) }), { ...failed("connect", ""), tries: tries(true) }]) {
      assert.deepEqual(learnt(outcome), [{ startedAt: 70, latency: 30, ending: "dropped" }]);
    }
  });
});
