import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, openSync } from "node:fs";
import { test } from "node:test";

/** Logs far more than a pipe holds, from a process of its own, then closes and tells on standard error how it went. */
const script = `
  import { createEventBus } from "./src/core/events.ts";
  import { systemClock, systemRandom } from "./src/core/clock.ts";
  import { createLog } from "./src/telemetry/log.ts";
  import { openSink } from "./src/telemetry/sink.ts";
  const bus = createEventBus("pipe");
  const log = createLog({ bus, destination: openSink(1), accessLog: true, level: "info", clock: systemClock, random: systemRandom });
  let longest = 0;
  for (let turn = 0; turn < 100; turn++) {
    const before = performance.now();
    for (let line = 0; line < 100; line++) log.write("info", "test", { text: "x".repeat(500) });
    await new Promise((resolve) => setImmediate(resolve));
    longest = Math.max(longest, performance.now() - before);
  }
  await log.close();
  console.error(JSON.stringify({ longest, dropped: log.dropped() }));
`;

async function run(stdout: "pipe" | number, meet: (child: ReturnType<typeof spawn>) => void) {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", script], {
    cwd: new URL("../../..", import.meta.url),
    stdio: ["ignore", stdout, "pipe"],
    timeout: 100_000,
  });
  let told = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (told += text));
  meet(child);
  const [code] = await once(child, "close");
  assert.equal(code, 0, told);
  return JSON.parse(told) as { longest: number; dropped: number };
}

test("a reader who stopped reading holds up neither the traffic nor the end of the process", async () => {
  const { longest, dropped } = await run("pipe", (child) => {
    // Read only once the process has said all it had to say: until then the pipe is full.
    child.stderr!.once("data", () => child.stdout!.resume());
  });
  assert.ok(dropped > 5000, `${dropped} of 10,000 lines dropped`);
  assert.ok(longest < 1000, `${longest} ms in one turn`);
});

test("a reader who left does not end the process", async () => {
  const { dropped } = await run("pipe", (child) => child.stdout!.destroy());
  assert.ok(dropped > 9000, `${dropped} of 10,000 lines dropped`);
});

test("a full disk does not end the process", { skip: !existsSync("/dev/full") }, async () => {
  const { dropped } = await run(openSync("/dev/full", "w"), () => {});
  assert.equal(dropped, 10_000);
});

test("every line is read or counted", async () => {
  let lines = 0;
  const { dropped } = await run("pipe", (child) => {
    child.stdout!.on("data", (chunk: Buffer) => (lines += chunk.toString("latin1").split("\n").length - 1));
  });
  assert.equal(lines + dropped, 10_000);
});
