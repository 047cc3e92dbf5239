import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { runPrimary } from "../../../src/cluster/primary.ts";
import { objectSource } from "../../../src/config/source.ts";
import { systemRandom } from "../../../src/core/clock.ts";
import type { Sink } from "../../../src/telemetry/sink.ts";
import { fakeFork, type FakeWorker } from "../../support/fake-worker.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { until } from "../../support/wait.ts";

async function begin(workers = 2) {
  const clock = new ManualClock();
  const fakes: FakeWorker[] = [];
  let output = "";
  const out: Sink = {
    write(chunk, done) {
      output += chunk.toString();
      done();
    },
  };
  const source = objectSource({
    listen: { host: "127.0.0.1", port: 0, workers },
    ops: { port: 0 },
    drain: { delay: "1s", timeout: "2s" },
    routes: [{ name: "all", match: { path: "/*" }, respond: { status: 200 } }],
  });
  const starting = runPrimary({
    source,
    first: await source.load(),
    clock,
    random: systemRandom,
    version: "1",
    nodeVersion: "26",
    out,
    spare: out,
    workers,
    fork: fakeFork(fakes),
  });
  starting.catch(() => {});
  await until(() => fakes.length === workers, { what: "workers are forked" });
  return { clock, fakes, starting, output: () => output };
}

async function beginServing() {
  const all = await begin();
  for (const fake of all.fakes) fake.serve();
  return { ...all, running: await all.starting };
}

test("all workers are told one port and one name", async () => {
  const { fakes, running } = await beginServing();
  const told = fakes.map(({ heard }) => heard[0]!);
  assert.ok(told.every((message) => message.kind === "start"));
  assert.deepEqual(new Set(told.map(({ port }) => port)), new Set([running.port]));
  assert.equal(new Set(told.map(({ name }) => name)).size, 1);
  await running.stop();
});

test("all workers have one salt for cohorts, also those that start later, and nobody else sees it", async () => {
  const { fakes, running, clock } = await beginServing();
  fakes[0]!.die();
  await nextTurn();
  await clock.advanceAsync(0);
  const salts = fakes.map(({ heard }) => {
    const [message] = heard;
    return message?.kind === "start" ? message.config.config.priority.cohort.salt : undefined;
  });
  assert.equal(salts.length, 3);
  assert.match(salts[0] ?? "", /^[0-9a-f]{32}$/);
  assert.equal(new Set(salts).size, 1);
  assert.ok(!JSON.stringify(running.control.config().config).includes(salts[0]!));
  await running.stop();
});

test("ready while anybody serves; draining never goes back", async () => {
  const { fakes, running, clock } = await beginServing();
  assert.equal(running.control.life(), "ready");
  fakes[0]!.die();
  await nextTurn();
  assert.equal(running.control.life(), "ready");
  assert.ok(running.control.checks().includes("workers 1/2"));
  fakes[1]!.die();
  await nextTurn();
  assert.equal(running.control.life(), "starting");
  await clock.advanceAsync(0);
  fakes[2]!.serve();
  await nextTurn();
  assert.equal(running.control.life(), "ready");
  running.control.drain();
  running.control.drain();
  assert.equal(running.control.life(), "draining");
  assert.equal(await running.ended, 0);
  assert.equal(running.control.life(), "stopped");
});

test("a worker that does not finish its drain is killed by the deadline, and the exit code says so", async () => {
  const { fakes, running, clock } = await beginServing();
  fakes[0]!.awake = false;
  let code: number | undefined;
  void running.ended.then((ended) => (code = ended));
  running.control.drain();
  await clock.advanceAsync(7_999);
  assert.equal(fakes[0]!.alive, true);
  await clock.advanceAsync(1);
  await until(() => code !== undefined, { what: "it ends" });
  assert.equal(code, 1);
  assert.equal(fakes[0]!.alive, false);
});

test("ended by force while it drains, the drain is not what it ends by", async () => {
  const { fakes, running } = await beginServing();
  for (const fake of fakes) fake.awake = false;
  let drained = false;
  void running.ended.then(() => (drained = true));
  running.control.drain();
  await running.stop();
  await nextTurn();
  assert.equal(drained, false);
  assert.ok(fakes.every(({ alive }) => !alive));
});

test("what a worker cannot do at the start is the command's failure, and nothing is left", async () => {
  const { fakes, starting, output } = await begin();
  fakes[0]!.serve();
  fakes[1]!.say({ kind: "failed", message: "listen: cannot listen" });
  await assert.rejects(starting, { name: "UsageError", message: "listen: cannot listen" });
  assert.ok(fakes.every(({ alive }) => !alive));
  assert.doesNotMatch(output(), /"listening"/);
});

test("one line says that it listens", async () => {
  const { running, output } = await beginServing();
  await running.stop();
  const lines = output()
    .split("\n")
    .filter((line) => line.includes('"listening"'));
  assert.equal(lines.length, 1);
  const { port, opsPort, workers } = JSON.parse(lines[0]!) as Record<string, unknown>;
  assert.deepEqual({ port, opsPort, workers }, { port: running.port, opsPort: running.opsPort, workers: 2 });
});

test("an invalid reload is refused before any worker hears of it", async () => {
  const clock = new ManualClock();
  const fakes: FakeWorker[] = [];
  const nowhere: Sink = { write: (_chunk, done) => done() };
  const good = objectSource({
    listen: { host: "127.0.0.1", port: 0, workers: 2 },
    ops: { port: 0 },
    routes: [{ match: { path: "/*" }, respond: { status: 200 } }],
  });
  let next = good;
  const starting = runPrimary({
    source: { file: undefined, lastRead: () => undefined, load: () => next.load() },
    first: await good.load(),
    clock,
    random: systemRandom,
    version: "1",
    nodeVersion: "26",
    out: nowhere,
    spare: nowhere,
    workers: 2,
    fork: fakeFork(fakes),
  });
  await until(() => fakes.length === 2, { what: "workers are forked" });
  for (const fake of fakes) fake.serve();
  const running = await starting;
  const heardBefore = fakes.map(({ heard }) => heard.length);
  next = objectSource({ routes: [] });
  assert.equal((await running.control.reload()).outcome, "refused");
  assert.deepEqual(
    fakes.map(({ heard }) => heard.length),
    heardBefore,
  );

  next = objectSource({
    listen: { host: "127.0.0.1", port: 0, workers: 3 },
    ops: { port: 0 },
    routes: [{ match: { path: "/*" }, respond: { status: 201 } }],
  });
  fakes[1]!.objects = "cannot";
  assert.deepEqual(await running.control.reload(), { outcome: "refused", errors: ["worker 2: cannot"] });
  fakes[1]!.objects = undefined;
  const applied = await running.control.reload();
  assert.equal(applied.outcome, "applied");
  assert.deepEqual(applied.outcome === "applied" && applied.needsRestart, ["listen.workers"]);
  await running.stop();
});
