import assert from "node:assert/strict";
import { test } from "node:test";
import type { FromWorker, Question, ToWorker, WorkerConfig } from "../../../src/cluster/messages.ts";
import { Worker } from "../../../src/cluster/worker.ts";
import { validateConfig } from "../../../src/config/load.ts";
import { systemClock, systemRandom } from "../../../src/core/clock.ts";
import type { Sink } from "../../../src/telemetry/sink.ts";
import { startOrigin } from "../../support/raw-origin.ts";
import { until } from "../../support/wait.ts";

const nowhere: Sink = { write: (_chunk, done) => done() };

function configOf(body: string, more: object = {}): WorkerConfig {
  const { config, hash } = validateConfig({
    listen: { host: "127.0.0.1", port: 0, accessLog: false },
    drain: { delay: "0ms", timeout: "1m" },
    routes: [{ name: "all", match: { path: "/*" }, respond: { status: 200, body } }],
    ...more,
  });
  return { config, hash, material: { tls: undefined, authorities: new Map(), fallbacks: new Map() } };
}

/** A worker in this process, with a primary's side to speak to it. */
function hire() {
  const said: FromWorker[] = [];
  const exits: number[] = [];
  const worker = new Worker({
    link: { send: (message) => void said.push(message), exit: (code) => void exits.push(code) },
    clock: systemClock,
    random: systemRandom,
    nodeVersion: "26",
    out: nowhere,
    spare: nowhere,
  });
  let nextId = 0;
  const tell = (message: ToWorker): void => worker.receive(message);
  const hears = <Kind extends FromWorker["kind"]>(kind: Kind) =>
    until(() => said.find((message): message is Extract<FromWorker, { kind: Kind }> => message.kind === kind), {
      what: `the worker says ${kind}; it said ${JSON.stringify(said)}`,
    });
  const ask = async (question: Question) => {
    const id = nextId++;
    tell({ kind: "ask", id, question });
    const { answer } = await until(
      () =>
        said.find((message) => message.kind === "answer" && message.id === id) as Extract<
          FromWorker,
          { kind: "answer" }
        >,
      { what: "an answer" },
    );
    return answer;
  };
  const start = async (config: WorkerConfig): Promise<string> => {
    tell({ kind: "start", config, name: "gw", port: 0, process: 0, sharing: "reuse-port", version: "1" });
    return `http://127.0.0.1:${(await hears("serving")).port}/`;
  };
  return { worker, said, exits, tell, ask, hears, start };
}

const textAt = async (url: string): Promise<string> => (await fetch(url, { headers: { connection: "close" } })).text();

test("starts, answers pings, drains, exits 0", async () => {
  const { start, tell, hears, exits } = hire();
  const url = await start(configOf("one"));
  assert.equal(await textAt(url), "one");
  tell({ kind: "ping" });
  assert.deepEqual(await hears("pong"), { kind: "pong", open: 0, leftOut: [] });
  tell({ kind: "drain" });
  tell({ kind: "drain" });
  await until(() => exits.length > 0, { what: "it exits" });
  assert.deepEqual(exits, [0]);
  await assert.rejects(fetch(url));
});

test("what is prepared is in force with the commit and not before; what is aborted never", async () => {
  const { start, ask, tell } = hire();
  const url = await start(configOf("one"));
  const two = configOf("two");
  assert.deepEqual(await ask({ kind: "prepare", config: two }), { kind: "done" });
  assert.equal(await textAt(url), "one");
  assert.deepEqual(await ask({ kind: "abort" }), { kind: "done" });
  assert.deepEqual(await ask({ kind: "commit", hash: two.hash }), { kind: "failed", message: "nothing prepared" });
  assert.equal(await textAt(url), "one");
  await ask({ kind: "prepare", config: configOf("three") });
  await ask({ kind: "prepare", config: two });
  assert.deepEqual(await ask({ kind: "commit", hash: two.hash }), { kind: "done" });
  assert.deepEqual(await ask({ kind: "commit", hash: two.hash }), { kind: "done" });
  assert.equal(await textAt(url), "two");
  tell({ kind: "drain" });
});

test("what cannot be built is an answer, and the old stays in force", async () => {
  const { start, ask, tell } = hire();
  const url = await start(configOf("one"));
  const broken = { ...configOf("two"), config: {} as WorkerConfig["config"] };
  assert.equal((await ask({ kind: "prepare", config: broken })).kind, "failed");
  assert.equal(await textAt(url), "one");
  tell({ kind: "drain" });
});

test("counts what it serves", async () => {
  const { start, ask, tell } = hire();
  const url = await start(configOf("one"));
  await textAt(url);
  const answer = await ask({ kind: "metrics" });
  assert.ok(answer.kind === "metrics");
  const requests = answer.metrics.find((metric) => (metric as { name: string }).name === "spillway_requests_total");
  assert.equal((requests as { values: { value: number }[] }).values[0]!.value, 1);
  tell({ kind: "drain" });
});

test("without a primary it finishes what it can in three seconds, whatever the drain settings say", async () => {
  await using origin = await startOrigin((_request, response) => void setTimeout(() => response.end("late"), 200));
  const { start, worker, exits } = hire();
  const url = await start(
    configOf("", {
      drain: { delay: "1m", timeout: "1m" },
      dependencies: { origin: { http: { targets: [origin.url] } } },
      routes: [{ name: "all", match: { path: "/*" }, dependency: "origin" }],
    }),
  );
  const late = textAt(url);
  await until(() => origin.requests === 1, { what: "the request is under way" });
  worker.orphaned();
  assert.equal(await late, "late");
  await until(() => exits.length > 0, { what: "it exits" });
  assert.deepEqual(exits, [1]);
});

test("broken, it says that it leaves, once, and ends", async () => {
  const { start, worker, said, exits } = hire();
  await start(configOf("one"));
  worker.broken("worker uncaughtException", new Error("boom"));
  worker.broken("worker uncaughtException", new Error("boom again"));
  await until(() => exits.length > 0, { what: "it exits" });
  assert.deepEqual(exits, [1]);
  assert.equal(said.filter(({ kind }) => kind === "leaving").length, 1);
});

test("broken before it serves, it says so and ends", () => {
  const { worker, said, exits } = hire();
  worker.broken("worker uncaughtException", new Error("boom"));
  assert.deepEqual(said, [{ kind: "failed", message: "worker uncaughtException: boom" }]);
  assert.deepEqual(exits, [1]);
});

test("told to go before it serves, or orphaned before it starts, it just ends", async () => {
  const early = hire();
  early.worker.orphaned();
  await until(() => early.exits.length > 0, { what: "it exits" });
  const { tell, exits, said } = hire();
  tell({
    kind: "start",
    config: configOf("one"),
    name: "gw",
    port: 0,
    process: 0,
    sharing: "reuse-port",
    version: "1",
  });
  tell({ kind: "drain" });
  await until(() => exits.length > 0, { what: "it exits" });
  assert.deepEqual(exits, [0]);
  assert.deepEqual(said, []);
});

test("what keeps it from serving is told, then it ends", async () => {
  const { tell, hears, exits } = hire();
  const config = configOf("one", { listen: { host: "192.0.2.1", port: 0 } });
  tell({ kind: "start", config, name: "gw", port: 1, process: 0, sharing: "reuse-port", version: "1" });
  assert.match((await hears("failed")).message, /cannot listen|no right to listen/);
  assert.deepEqual(exits, [1]);
});
