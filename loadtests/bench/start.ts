/** Entry of `npm run bench:start`: how long the built Spillway takes to listen, and its memory before and after load. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openField } from "./field.ts";
import { buildSpillway } from "./install.ts";
import { ONE_EACH, describeMachine, whyNot } from "./machine.ts";
import { freePort } from "./launch.ts";
import { residentOf } from "./proc.ts";
import { measure } from "./slices.ts";
import { gateway } from "./contenders.ts";
import { spillwayConfig } from "./spillway.ts";

const COMMAND = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const RUNS = 5;
/** Milliseconds after listening at which a process counts as idle. */
const SETTLED = 1_000;

async function listening(child: ChildProcess): Promise<void> {
  for await (const line of createInterface({ input: child.stdout! })) if (line.includes('"listening"')) return;
  throw new Error("ended before it listened");
}

async function startOnce(folder: string): Promise<{ ms: number; idle: number }> {
  const file = join(folder, "start.json");
  const port = await freePort();
  writeFileSync(file, JSON.stringify(spillwayConfig({ port, upstream: await freePort() }, {})));
  const began = performance.now();
  const child = spawn(process.execPath, [COMMAND, "start", "--config", file], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await listening(child);
    const ms = performance.now() - began;
    await pause(SETTLED);
    return { ms, idle: residentOf(child.pid ?? 0) };
  } finally {
    child.kill("SIGKILL");
  }
}

const middle = (values: readonly number[]): string => values.toSorted((a, b) => a - b)[values.length >> 1]!.toFixed(0);

const obstacle = whyNot();
if (obstacle !== undefined) throw new Error(obstacle);
buildSpillway();
const folder = mkdtempSync(join(tmpdir(), "spillway-start-"));
const found: { ms: number; idle: number }[] = [];
for (let run = 0; run < RUNS; run++) found.push(await startOnce(folder));
rmSync(folder, { recursive: true });
const field = await openField([gateway("spillway", {})], { size: 1024, cores: ONE_EACH });
await measure(field.running, { generator: "wrk", connections: 64, seconds: 5, rounds: 1, cores: ONE_EACH.others });
const loaded = field.running.map(({ pid }) => residentOf(pid));
await field.close();
process.stdout.write(
  `${describeMachine()}, median of ${RUNS}\n` +
    `listening after ${middle(found.map(({ ms }) => ms))} ms; RSS idle ${middle(found.map(({ idle }) => idle))} MiB, ` +
    `after load ${middle(loaded)} MiB (one run)\n`,
);
