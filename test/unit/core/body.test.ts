import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import {
  type Body,
  type BodyEnding,
  type BodySource,
  type Sink,
  StreamedBody,
  wholeBody,
} from "../../../src/core/body.ts";

/** A sink that remembers, and answers `write` from a list of rooms (then always true). */
function recorder(rooms: boolean[] = [], onWrite: (chunk: Buffer) => void = () => {}) {
  const chunks: Buffer[] = [];
  const endings: string[] = [];
  const trailers: string[][] = [];
  const sink: Sink = {
    write(chunk) {
      chunks.push(chunk);
      onWrite(chunk);
      return rooms.shift() ?? true;
    },
    end(fields) {
      endings.push("end");
      trailers.push([...fields]);
    },
    fail(error) {
      endings.push(`fail ${error.message}`);
    },
  };
  return { sink, endings, trailers, text: () => Buffer.concat(chunks).toString("latin1") };
}

function spySource() {
  const calls: string[] = [];
  const source: BodySource = {
    pause: () => void calls.push("pause"),
    resume: () => void calls.push("resume"),
    cancel: (reason) => void calls.push(`cancel ${reason.message}`),
  };
  return { source, calls };
}

function endingsOf(body: Body): BodyEnding[] {
  const endings: BodyEnding[] = [];
  body.whenDone((ending) => endings.push(ending));
  return endings;
}

suite("streamed body", () => {
  test("holds what comes before the sink, then passes on, then ends with trailers", () => {
    const body = new StreamedBody(spySource().source, undefined);
    const done = endingsOf(body);
    const to = recorder();
    body.push(Buffer.from("a"));
    body.pipe(to.sink);
    body.push(Buffer.from("b"));
    body.finish(["X", "1"]);
    assert.equal(to.text(), "ab");
    assert.deepEqual(to.trailers, [["X", "1"]]);
    assert.deepEqual(done, ["complete"]);
  });

  test("gives its chunks away whole only when all are here, and only without trailers", () => {
    const body = new StreamedBody(spySource().source, 1);
    body.push(Buffer.from("a"));
    assert.equal(body.takeWhole(), undefined);
    body.finish();
    const done = endingsOf(body);
    assert.equal(String(body.takeWhole()), "a");
    assert.deepEqual(done, ["complete"]);
    assert.equal(body.takeWhole(), undefined);
    assert.throws(() => body.pipe(recorder().sink), /already taken/);

    const trailed = new StreamedBody(spySource().source, undefined);
    trailed.finish(["X", "1"]);
    assert.equal(trailed.takeWhole(), undefined);
  });

  test("pauses the producer at 256 KiB held and lets it go on when a sink with room is there", () => {
    const { source, calls } = spySource();
    const body = new StreamedBody(source, undefined);
    body.push(Buffer.alloc(256 * 1024 - 1));
    assert.deepEqual(calls, []);
    body.push(Buffer.alloc(1));
    assert.deepEqual(calls, ["pause"]);
    body.pipe(recorder().sink);
    assert.deepEqual(calls, ["pause", "resume"]);
  });

  test("a sink without room pauses the producer until it resumes", () => {
    const { source, calls } = spySource();
    const body = new StreamedBody(source, undefined);
    body.push(Buffer.from("a"));
    body.pipe(recorder([false, false]).sink);
    assert.deepEqual(calls, ["pause"]);
    body.resume();
    body.push(Buffer.from("b"));
    assert.deepEqual(calls, ["pause", "resume", "pause"]);
  });

  test("a sink that cancels in the middle of what was held gets nothing more", () => {
    const { source, calls } = spySource();
    const body = new StreamedBody(source, undefined);
    const done = endingsOf(body);
    for (const text of ["a", "b", "c"]) body.push(Buffer.from(text));
    const to = recorder([false], () => body.cancel(new Error("left")));
    body.pipe(to.sink);
    body.finish();
    assert.equal(to.text(), "a");
    assert.deepEqual(to.endings, []);
    assert.deepEqual(done, ["cancelled"]);
    assert.deepEqual(calls, ["cancel left"]);
  });

  test("octets pushed by a producer that is resumed from within a write come after what was held", () => {
    const later = ["c", "d"];
    const body: StreamedBody = new StreamedBody(
      {
        pause() {},
        resume() {
          const next = later.shift();
          if (next) body.push(Buffer.from(next));
          else body.finish();
        },
        cancel() {},
      },
      undefined,
    );
    body.push(Buffer.from("a"));
    body.push(Buffer.from("b"));
    const to = recorder([], () => body.resume());
    body.pipe(to.sink);
    assert.equal(to.text(), "abcd");
    assert.deepEqual(to.endings, ["end"]);
  });

  test("a sink that found room again within the writing of what was held is not waited for", () => {
    const { source, calls } = spySource();
    const body = new StreamedBody(source, undefined);
    body.push(Buffer.from("a"));
    body.push(Buffer.from("b"));
    const to = recorder([false, true], (chunk) => {
      if (chunk.toString() === "b") body.resume();
    });
    body.pipe(to.sink);
    assert.equal(calls.at(-1), "resume");
  });

  test("what fails before a sink is there fails the sink, without octets that look whole", () => {
    const body = new StreamedBody(spySource().source, undefined);
    const done = endingsOf(body);
    body.push(Buffer.from("a"));
    body.fail(new Error("reset"));
    assert.deepEqual(done, []);
    assert.equal(body.takeWhole(), undefined);
    const to = recorder();
    body.pipe(to.sink);
    assert.deepEqual(to.endings, ["fail reset"]);
    assert.deepEqual(done, ["cut"]);
  });

  test("cancelling what has wholly arrived does not trouble the producer", () => {
    const { source, calls } = spySource();
    const body = new StreamedBody(source, undefined);
    body.push(Buffer.from("a"));
    body.finish();
    body.cancel(new Error("left"));
    assert.deepEqual(calls, []);
    assert.deepEqual(endingsOf(body), ["cancelled"]);
  });

  test("listeners run once, in order, and at once when it is over", () => {
    const body = new StreamedBody(spySource().source, undefined);
    const order: number[] = [];
    body.whenDone(() => {
      order.push(1);
      body.whenDone(() => order.push(2));
    });
    body.whenDone(() => order.push(3));
    body.cancel(new Error("left"));
    body.cancel(new Error("again"));
    assert.deepEqual(order, [1, 2, 3]);
  });

  test("a whole body is here at once, an empty one too", () => {
    assert.equal(String(wholeBody(Buffer.from("abc")).takeWhole()), "abc");
    assert.deepEqual(wholeBody(Buffer.alloc(0)).takeWhole(), []);
    const to = recorder();
    wholeBody(Buffer.from("abc")).pipe(to.sink);
    assert.equal(to.text(), "abc");
    assert.deepEqual(to.endings, ["end"]);
  });

  test("a whole body is given once, tells its end, and is not ended for a sink that gave it up", () => {
    const taken = wholeBody(Buffer.from("abc"), "abc");
    assert.deepEqual(endingsOf(taken), []);
    assert.equal(taken.latin1, "abc");
    taken.takeWhole();
    assert.equal(taken.takeWhole(), undefined);
    assert.throws(() => taken.pipe(recorder().sink), /already taken/);
    taken.cancel(new Error("late"));
    assert.deepEqual(endingsOf(taken), ["complete"]);
    const left = wholeBody(Buffer.from("abc"));
    const to = recorder([], () => left.cancel(new Error("enough")));
    left.pipe(to.sink);
    assert.deepEqual(to.endings, []);
    assert.deepEqual(endingsOf(left), ["cancelled"]);
  });
});

/** One step of a random life of a body. Producer's steps after its last word are left out, as the contract has it. */
type Step =
  | { readonly do: "push"; readonly text: string }
  | { readonly do: "finish" }
  | { readonly do: "fail" }
  | { readonly do: "pipe"; readonly rooms: boolean[]; readonly inWrite: ("resume" | "cancel" | "nothing")[] }
  | { readonly do: "takeWhole" }
  | { readonly do: "resume" }
  | { readonly do: "cancel" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      text: fc.string({ minLength: 1, maxLength: 5, unit: "binary-ascii" }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "finish" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "fail" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("pipe" as const),
      rooms: fc.array(fc.boolean(), { maxLength: 8 }),
      inWrite: fc.array(fc.constantFrom("resume" as const, "cancel" as const, "nothing" as const, "nothing" as const), {
        maxLength: 8,
      }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "takeWhole" as const }) },
  { weight: 2, arbitrary: fc.constant({ do: "resume" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "cancel" as const }) },
);

/** A body with everything around it that a random life needs, and what came of it. */
function live(steps: readonly Step[], eager: readonly string[]) {
  const extra = [...eager];
  const endings: BodyEnding[] = [];
  let pushed = "";
  let producer: "more" | "finished" | "failed" | "cancelled" = "more";
  let paused = false;
  let cancels = 0;
  let takenWhole: string | undefined;
  let to: ReturnType<typeof recorder> | undefined;
  let owed = false;

  const push = (text: string): void => {
    if (producer !== "more") return;
    if (endings.length === 0) pushed += text;
    body.push(Buffer.from(text, "latin1"));
  };
  // A producer may hand over what it has from within resume().
  const source: BodySource = {
    pause: () => void (paused = true),
    resume() {
      paused = false;
      const text = extra.shift();
      if (text !== undefined) push(text);
    },
    cancel() {
      cancels += 1;
      producer = "cancelled";
    },
  };
  const body = new StreamedBody(source, undefined);
  body.whenDone((ending) => endings.push(ending));

  const pipe = (rooms: boolean[], inWrite: string[]): void => {
    const acts = [...inWrite];
    const mine = recorder([...rooms], () => {
      assert.equal(endings.length, 0, "a chunk after the end");
      const act = acts.shift();
      if (act === "cancel") body.cancel(new Error("sink left"));
      if (act === "resume") {
        owed = false;
        body.resume();
      }
    });
    const write = mine.sink.write.bind(mine.sink);
    mine.sink.write = (chunk) => {
      const room = write(chunk);
      if (!room) owed = true;
      return room;
    };
    to = mine;
    body.pipe(mine.sink);
  };

  for (const one of steps) {
    switch (one.do) {
      case "push":
        push(one.text);
        break;
      case "finish":
        if (producer === "more") {
          producer = "finished";
          body.finish();
        }
        break;
      case "fail":
        if (producer === "more") {
          producer = "failed";
          body.fail(new Error("cut"));
        }
        break;
      case "pipe":
        if (!to && takenWhole === undefined && endings.length === 0) pipe(one.rooms, one.inWrite);
        else assert.throws(() => body.pipe(recorder().sink));
        break;
      case "takeWhole": {
        const chunks = body.takeWhole();
        if (chunks) {
          assert.equal(producer, "finished");
          takenWhole = Buffer.concat(chunks).toString("latin1");
        }
        break;
      }
      case "resume":
        owed = false;
        body.resume();
        break;
      case "cancel":
        body.cancel(new Error("given up"));
        break;
    }
  }
  return { endings, pushed, producer, paused, cancels, takenWhole, to, owed };
}

suite("streamed body, any interleaving", () => {
  test("every octet arrives once and in order, with exactly one ending that tells the truth", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.array(fc.constantFrom("<1>", "<2>", "<3>")), (steps, eager) => {
        const { endings, pushed, producer, paused, cancels, takenWhole, to, owed } = live(steps, eager);
        const got = takenWhole ?? to?.text() ?? "";
        assert.ok(endings.length <= 1);
        assert.ok((to?.endings.length ?? 0) <= 1);
        assert.ok(cancels <= 1);
        assert.ok(pushed.startsWith(got), `${JSON.stringify(got)} is no beginning of ${JSON.stringify(pushed)}`);
        switch (endings[0]) {
          case "complete":
            assert.equal(got, pushed);
            assert.equal(producer, "finished");
            assert.deepEqual(to?.endings, takenWhole === undefined ? ["end"] : undefined);
            break;
          case "cut":
            assert.equal(producer, "failed");
            assert.deepEqual(to?.endings, ["fail cut"]);
            break;
          case "cancelled":
            assert.deepEqual(to?.endings ?? [], []);
            break;
          case undefined:
            assert.deepEqual(to?.endings ?? [], []);
            if (to) assert.equal(got, pushed, "a flowing body keeps nothing back");
            // Nobody stalls: a producer stands still only for a sink that owes a resume.
            if (to && paused) assert.ok(owed, "paused although the sink has room");
        }
      }),
      { numRuns: 3000 },
    );
  });
});

test("the first pause for want of room is told, once, to all who want to know", () => {
  const told: string[] = [];
  const body = new StreamedBody({ pause() {}, resume() {}, cancel() {} }, undefined);
  body.whenHeldBack(() => told.push("first"));
  body.whenHeldBack(() => told.push("second"));
  const room = [true, false, true, false];
  body.pipe({ write: () => room.shift()!, end() {}, fail() {} });
  body.push(Buffer.from("a"));
  assert.deepEqual(told, []);
  for (const text of ["b", "c", "d"]) body.push(Buffer.from(text));
  assert.deepEqual(told, ["first", "second"]);
});

test("a body that nobody takes tells of its pause, and one that is here whole never does", () => {
  const told: string[] = [];
  const held = new StreamedBody({ pause() {}, resume() {}, cancel() {} }, undefined);
  held.whenHeldBack(() => told.push("held"));
  held.push(Buffer.alloc(256 * 1024));
  assert.deepEqual(told, ["held"]);
  wholeBody(Buffer.alloc(1e6)).whenHeldBack(() => assert.fail("held back"));
});
