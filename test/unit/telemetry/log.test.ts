import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { createEventBus } from "../../../src/core/events.ts";
import { failed, refused } from "../../../src/core/outcome.ts";
import { createLog, type AccessLog, type LogLevel } from "../../../src/telemetry/log.ts";
import type { Sink, SinkFailure } from "../../../src/telemetry/sink.ts";
import { endedExchange, served } from "../../support/ended-exchange.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function setUp(
  t: TestContext,
  options: { accessLog?: AccessLog; level?: LogLevel; random?: () => number; sink?: Sink } = {},
) {
  const clock = new ManualClock();
  const bus = createEventBus("log-test");
  const text: string[] = [];
  const spare: string[] = [];
  const log = createLog({
    bus,
    destination: options.sink ?? collector(text),
    spare: collector(spare),
    accessLog: options.accessLog ?? true,
    level: options.level ?? "info",
    clock,
    random: options.random ?? (() => 0.5),
  });
  t.after(async () => {
    const closing = log.close();
    clock.advance(2000);
    await closing;
  });
  /** Lines written so far, once what waits is flushed. */
  const written = (): Record<string, unknown>[] => {
    clock.advance(1000);
    return parse(text);
  };
  return { clock, bus, log, text, spare, written };
}

const parse = (text: string[]): Record<string, unknown>[] =>
  text
    .join("")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const collector = (text: string[]): Sink => ({
  write(chunk, done) {
    text.push(chunk.toString());
    done();
  },
});

test("one line a request, with these fields and no others", (t) => {
  const { bus, written } = setUp(t);
  bus.publish("spillway:exchange", endedExchange({ durationMs: 7.123456 }));
  assert.deepEqual(written(), [
    {
      level: "info",
      time: Date.UTC(2026, 0, 1),
      event: "request",
      id: "0123456789abcdef",
      route: "products",
      class: "default",
      method: "GET",
      path: "/api/products/7",
      status: 200,
      outcome: "served",
      dependency: "catalog",
      duration_ms: 7.123,
      dependency_ms: 3,
      bytes_out: 10,
      client: "192.0.2.7",
      trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
      whole: true,
    },
  ]);
});

test("queries and header values are in no line", (t) => {
  const { bus, written, text } = setUp(t);
  const error = new Error("connect postgres://app:hidden-password@db/x failed, Authorization: Bearer hidden.token.abc");
  bus.publish("spillway:exchange", endedExchange({ status: 502, outcome: failed("connect", "no", error) }));
  bus.publish("spillway:fault", { where: "pool", error });
  bus.publish("spillway:reload", { outcome: "refused", hash: "0", errors: ["a.yaml:1:1 url - redis://u:hidden@h"] });
  assert.equal(written().length, 3);
  assert.equal(text.join("").includes("hidden"), false, text.join(""));
});

test("failures of a dependency warn, faults of our own are errors, a client that left is neither", (t) => {
  const { bus, written } = setUp(t);
  for (const reason of ["timeout", "internal", "client-gone"] as const) {
    bus.publish("spillway:exchange", endedExchange({ outcome: failed(reason, "x"), status: 504 }));
  }
  assert.deepEqual(
    written().map(({ level, reason }) => [level, reason]),
    [
      ["warn", "timeout"],
      ["error", "internal"],
      ["info", "client-gone"],
    ],
  );
});

test("a sample keeps its share of what was served well and all of the rest", (t) => {
  let at = 0;
  const { bus, written } = setUp(t, { accessLog: { sample: 0.1 }, random: () => (at++ % 10) / 10 });
  for (let i = 0; i < 100; i++) bus.publish("spillway:exchange", endedExchange());
  bus.publish("spillway:exchange", endedExchange({ outcome: refused("no-route", "x"), status: 404 }));
  bus.publish("spillway:exchange", endedExchange({ outcome: served, status: 404 }));
  bus.publish("spillway:exchange", endedExchange({ outcome: served, status: 200, whole: false }));
  bus.publish("spillway:exchange", endedExchange({ outcome: failed("timeout", "x"), status: 504 }));
  assert.equal(written().length, 14);
});

test("without access log the rest is still there, and it can be switched on", (t) => {
  const { bus, log, written } = setUp(t, { accessLog: false });
  bus.publish("spillway:exchange", endedExchange());
  bus.publish("spillway:drain", { phase: "announced", open: 3 });
  log.write("info", "listening", { port: 8080, opsPort: 9901 });
  log.setAccessLog(true);
  bus.publish("spillway:exchange", endedExchange());
  const found = written();
  assert.deepEqual(
    found.map(({ event }) => event),
    ["drain", "listening", "request"],
  );
  assert.equal(found[1]!["opsPort"], 9901);
});

test("nothing in a field breaks the line, moves a terminal or grows beyond 1 kB", (t) => {
  const nasty = fc.oneof(
    fc.string({ unit: "binary", maxLength: 3000 }),
    fc.constantFrom('\r\n{"event":"audit"}', "\u001b[2J", "\u009b31m", "\u202e", "\u2028", "\ud800", "x".repeat(5000)),
  );
  fc.assert(
    fc.property(nasty, nasty, (one, two) => {
      const { bus, log, text, clock } = setUp(t);
      bus.publish("spillway:exchange", endedExchange({ exchange: { id: one, path: two, method: one.slice(0, 50) } }));
      bus.publish("spillway:turned-away", { reason: one, status: 400, detail: two, address: one });
      bus.publish("spillway:fault", { where: one, error: new Error(two) });
      log.write("info", one, { [two]: [one, { deep: two }] });
      log.audit({ actor: one, before: { a: two } });
      clock.advance(1000);
      const all = text.join("");
      assert.equal(all.split("\n").length, 6);
      assert.equal(Array.from(all.replaceAll("\n", "")).find(isHarmful), undefined);
      for (const line of parse([all])) {
        for (const value of Object.values(line)) if (typeof value === "string") assert.ok(value.length <= 1024);
      }
    }),
    { numRuns: 60 },
  );
});

test("a storm of requests turned away is ten lines a second and a count", (t) => {
  const { bus, written } = setUp(t);
  const turnAway = (): void =>
    bus.publish("spillway:turned-away", { reason: "malformed", status: 400, detail: "", address: "192.0.2.1" });
  for (let i = 0; i < 5000; i++) turnAway();
  written();
  turnAway();
  const found = written();
  assert.equal(found.filter(({ event }) => event === "turned-away").length, 11);
  assert.deepEqual(
    found.filter(({ event }) => event === "suppressed").map(({ kind, lines }) => ({ kind, lines })),
    [{ kind: "turned-away", lines: 4990 }],
  );
});

const isHarmful = (char: string): boolean =>
  char < " " || (char >= "\u007f" && char <= "\u009f") || /[\u2028-\u202e]/.test(char);

/** A pipe nobody reads: takes one chunk and never ends it. */
const blocked: Sink = { write: () => {} };

test("a blocked destination costs lines, which are counted, and bounded memory; audit lines go to the spare one", async (t) => {
  const { bus, log, clock, spare } = setUp(t, { sink: blocked });
  const count = 20_000;
  for (let i = 0; i < count; i++) bus.publish("spillway:exchange", endedExchange());
  const kept = count - log.dropped();
  assert.ok(kept > 1000 && kept < 5000, `${kept} lines of some 300 characters wait in 1 MiB`);
  log.audit({ actor: "oncall" });
  const closing = log.close();
  clock.advance(2000);
  await closing;
  assert.equal(parse(spare)[0]!["actor"], "oncall");
  assert.equal(log.dropped(), count + 1, "what waited is lost and counted");
});

test("a full disk loses lines until there is room again; a closed pipe all of them", (t) => {
  const text: string[] = [];
  let failure: SinkFailure | undefined = { error: new Error("ENOSPC"), again: "later" };
  const sink: Sink = {
    write(chunk, done) {
      if (!failure) text.push(chunk.toString());
      done(failure);
    },
  };
  const { bus, log, clock } = setUp(t, { sink });
  const publish = (): void => {
    bus.publish("spillway:exchange", endedExchange());
    clock.advance(1000);
  };
  publish();
  assert.equal(log.dropped(), 1);
  failure = undefined;
  publish();
  assert.equal(parse(text).length, 1);
  failure = { error: new Error("EPIPE"), again: "never" };
  publish();
  failure = undefined;
  publish();
  assert.equal(parse(text).length, 1);
  assert.equal(log.dropped(), 3);
});

test("announcements and the audit are there at every level", (t) => {
  const { bus, log, written } = setUp(t, { level: "silent" });
  bus.publish("spillway:exchange", endedExchange());
  log.write("error", "nothing");
  log.announce("listening", { port: 8080, opsPort: 9901 });
  log.audit({ actor: "oncall" });
  assert.deepEqual(
    written().map(({ event }) => event),
    ["listening", "audit"],
  );
});

test("close writes what waits and stops listening", async (t) => {
  const { bus, log, text, clock } = setUp(t);
  bus.publish("spillway:exchange", endedExchange());
  await log.close();
  bus.publish("spillway:exchange", endedExchange());
  assert.equal(parse(text).length, 1);
  assert.equal(clock.pending, 0);
});

test("a full event loop is a warning with its numbers, and room again a line", (t) => {
  const { bus, written } = setUp(t);
  bus.publish("spillway:saturation", { state: "full", seats: 140, waiting: 150, utilisation: 1 });
  bus.publish("spillway:saturation", { state: "room", seats: Number.POSITIVE_INFINITY, waiting: 3, utilisation: 0.5 });
  assert.deepEqual(
    written().map(({ time: _time, ...line }) => line),
    [
      { level: "warn", event: "event-loop-full", seats: 140, waiting: 150, utilisation: 1 },
      { level: "info", event: "event-loop-has-room", waiting: 3 },
    ],
  );
});
