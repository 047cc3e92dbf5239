import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Crew } from "../../../src/cluster/crew.ts";
import type { WorkerConfig } from "../../../src/cluster/messages.ts";
import { createEventBus, type WorkerChanged } from "../../../src/core/events.ts";
import { fakeFork, type FakeWorker } from "../../support/fake-worker.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const configOf = (hash: string): WorkerConfig => ({ hash, config: {}, material: {} }) as unknown as WorkerConfig;

function gather(size = 2) {
  const clock = new ManualClock();
  const bus = createEventBus("test");
  const workers: FakeWorker[] = [];
  const changes: WorkerChanged[] = [];
  bus.subscribe("spillway:worker", (change) => void changes.push(change));
  const fork = fakeFork(workers);
  const start = { name: "gw", port: 1, sharing: "reuse-port", version: "1" } as const;
  const crew = new Crew({ size, fork, clock, bus, first: configOf("h1"), start });
  const gone = () => changes.flatMap(({ worker, change }) => (change.kind === "gone" ? [{ worker, ...change }] : []));
  return { clock, crew, workers, gone, changes };
}

async function gatherServing(size = 2) {
  const all = gather(size);
  const started = all.crew.start();
  for (const worker of all.workers) worker.serve();
  await started;
  return all;
}

const counterOf = (readings: readonly (readonly object[])[]): number =>
  readings.flat().reduce((sum, metric) => sum + (metric as { values: { value: number }[] }).values[0]!.value, 0);

test("the start is over when the last worker serves", async () => {
  const { crew, workers, clock } = gather(3);
  let over = false;
  const started = crew.start().then(() => (over = true));
  assert.equal(workers.length, 3);
  workers[0]!.serve();
  workers[2]!.serve();
  await nextTurn();
  assert.equal(over, false);
  assert.equal(crew.census().serving, 2);
  workers[1]!.serve();
  await started;
  await crew.drain();
  assert.equal(clock.pending, 0);
});

test("what keeps a worker from serving at the start ends the start", async () => {
  const { crew, workers } = gather();
  const started = crew.start();
  workers[0]!.say({ kind: "failed", message: "no certificate" });
  await assert.rejects(started, /no certificate/);
  await crew.kill();
  assert.ok(workers.every(({ alive }) => !alive));
});

test("a start that is drained is over", async () => {
  const { crew, workers, clock } = gather();
  const started = assert.rejects(crew.start(), /ended before every worker served/);
  workers[0]!.serve();
  await crew.drain();
  await started;
  assert.equal(clock.pending, 0);
});

test("a worker that is gone is replaced at once, one in a loop ever later", async () => {
  const { crew, workers, clock, gone } = await gatherServing();
  workers[0]!.die(null, "SIGKILL");
  await nextTurn();
  assert.deepEqual(gone()[0], { worker: 1, kind: "gone", reason: "signal", detail: "signal SIGKILL", replacedIn: 0 });
  const waits: (number | undefined)[] = [];
  for (let i = 0; i < 10; i++) {
    await clock.advanceAsync(gone().at(-1)!.replacedIn!);
    workers.at(-1)!.die();
    await nextTurn();
    waits.push(gone().at(-1)!.replacedIn);
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
  assert.equal(crew.census().serving, 1);
  await crew.kill();
  assert.equal(clock.pending, 0);
});

test("a worker that answers no ping for ten seconds is killed and replaced; its neighbour is not", async () => {
  const { crew, workers, clock, gone } = await gatherServing();
  workers[1]!.awake = false;
  await clock.advanceAsync(10_000);
  assert.equal(workers[1]!.alive, true);
  await clock.advanceAsync(1_000);
  await nextTurn();
  assert.equal(workers[1]!.alive, false);
  assert.deepEqual(gone(), [{ worker: 2, kind: "gone", reason: "silent", detail: "signal SIGKILL", replacedIn: 0 }]);
  await clock.advanceAsync(0);
  assert.equal(workers.length, 3);
  assert.equal(workers[0]!.alive, true);
  await crew.kill();
});

test("time in which the primary itself stood still is nobody's silence", async () => {
  const { crew, workers, clock } = await gatherServing();
  clock.setNow(3_600_000);
  await clock.advanceAsync(5_000);
  assert.ok(workers.every(({ alive }) => alive));
  await crew.kill();
});

test("a reload is in force everywhere, and who starts later has it too", async () => {
  const { crew, workers, clock } = await gatherServing();
  await crew.apply(configOf("h2"));
  assert.deepEqual(
    workers.map(({ hash }) => hash),
    ["h2", "h2"],
  );
  workers[0]!.die();
  await clock.advanceAsync(0);
  assert.equal(workers[2]!.hash, "h2");
  await crew.kill();
});

test("a reload that one worker cannot follow is in force nowhere, and the error says who", async () => {
  const { crew, workers } = await gatherServing(3);
  workers[1]!.objects = "bad certificate";
  await assert.rejects(crew.apply(configOf("h2")), /^Error: worker 2: bad certificate$/);
  assert.deepEqual(
    workers.map(({ hash }) => hash),
    ["h1", "h1", "h1"],
  );
  assert.deepEqual(
    workers.map(({ prepared }) => prepared),
    ["", "", ""],
  );
  await crew.kill();
});

test("a worker that does not answer a reload refuses it, after five seconds", async () => {
  const { crew, workers, clock } = await gatherServing();
  workers[1]!.awake = false;
  const applied = assert.rejects(crew.apply(configOf("h2")), /worker 2 did not answer within 5 s/);
  await clock.advanceAsync(5_000);
  await clock.advanceAsync(5_000);
  await applied;
  assert.equal(workers[0]!.hash, "h1");
  await crew.kill();
});

test("a worker that dies during a reload decides nothing", async () => {
  const { crew, workers, clock } = await gatherServing();
  workers[1]!.awake = false;
  const applied = crew.apply(configOf("h2"));
  workers[1]!.die();
  await applied;
  await clock.advanceAsync(0);
  assert.deepEqual(
    workers.map(({ hash }) => hash),
    ["h2", "h1", "h2"],
  );
  await crew.kill();
});

test("a worker that was starting while a reload went by catches up", async () => {
  const { crew, workers, clock } = await gatherServing();
  workers[0]!.die();
  await clock.advanceAsync(0);
  assert.equal(workers[2]!.hash, "h1");
  await crew.apply(configOf("h2"));
  workers[2]!.serve();
  await nextTurn();
  assert.equal(workers[2]!.hash, "h2");
  await crew.kill();
});

test("a worker that leaves is replaced while it finishes, and drained with the others", async () => {
  const { crew, workers, clock, gone } = await gatherServing();
  workers[0]!.say({ kind: "leaving" });
  await clock.advanceAsync(0);
  assert.equal(gone()[0]!.reason, "left");
  assert.equal(workers.length, 3);
  assert.equal(workers[0]!.alive, true);
  await crew.drain();
  assert.ok(workers.every(({ alive }) => !alive));
});

test("sums never fall: the departed and the silent stand with what they last said", async () => {
  const { crew, workers, clock } = await gatherServing();
  workers[0]!.counted = 3;
  workers[1]!.counted = 4;
  assert.equal(counterOf(await crew.metrics()), 7);
  workers[0]!.die();
  await clock.advanceAsync(0);
  assert.equal(counterOf(await crew.metrics()), 7);
  workers[1]!.awake = false;
  const reading = crew.metrics();
  await clock.advanceAsync(1_000);
  assert.equal(counterOf(await reading), 7);
  await crew.kill();
});

test("after the drain has begun nobody is replaced", async () => {
  const { crew, workers, clock, gone } = await gatherServing();
  workers[0]!.awake = false;
  const drained = crew.drain();
  await nextTurn();
  workers[0]!.die();
  await drained;
  assert.deepEqual(
    gone().map(({ replacedIn }) => replacedIn),
    [undefined, undefined],
  );
  await clock.advanceAsync(60_000);
  assert.equal(workers.length, 2);
  assert.equal(clock.pending, 0);
});

const order = { urls: [], tags: ["t"], prefixes: [], patterns: [], all: false };
const purge = {
  do: "purge",
  order: { ...order, soft: false, cascade: true, dryRun: false, changed: false },
  share: true,
} as const;

/** Whether each was asked to tell other instances, in order. */
const shares = ({ heard }: FakeWorker): boolean[] =>
  heard.flatMap((message) =>
    message.kind === "ask" && message.question.kind === "cache" && message.question.ask.do === "purge"
      ? [message.question.ask.share]
      : [],
  );

test("all caches are asked, one of them tells other instances, and who does not answer is counted", async () => {
  const { crew, workers, clock } = await gatherServing(3);
  assert.deepEqual((await crew.cache({ do: "entries", key: "k" })).answers.length, 3);
  await crew.cache(purge);
  assert.deepEqual(workers.map(shares), [[true], [false], [false]]);
  workers[0]!.awake = false;
  const asked = crew.cache(purge);
  await nextTurn();
  clock.advance(5_000);
  const { answers, silent } = await asked;
  assert.deepEqual([answers.length, silent], [2, 1]);
  assert.deepEqual(
    workers.map(shares),
    [
      [true, true],
      [false, false, true],
      [false, false],
    ],
    "another tells them instead",
  );
  await crew.kill();
});

test("a question goes to all, and who does not answer within a second is counted", async () => {
  const { crew, workers, clock } = await gatherServing(3);
  workers[1]!.awake = false;
  const asked = crew.askAll({ kind: "decisions", ask: { limit: 1 } });
  await nextTurn();
  clock.advance(1_000);
  assert.deepEqual(await asked, {
    answers: [
      { kind: "decisions", decisions: [] },
      { kind: "decisions", decisions: [] },
    ],
    silent: 1,
  });
  await crew.kill();
});

test("what one worker purged is told to all others, and not back to it", async () => {
  const { crew, workers } = await gatherServing(3);
  workers[1]!.say({ kind: "purged", purge: "p" });
  await nextTurn();
  const told = workers.map(({ heard }) => heard.filter(({ kind }) => kind === "purged").length);
  assert.deepEqual(told, [1, 0, 1]);
  await crew.kill();
});
