/** Entry of `npm run bench:cache`: Spillway beside its peers as caches. See ../../README.md for the method. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Contender } from "../contenders.ts";
import { buildSpillway, installPeers } from "../install.ts";
import { freePort, type Running, start } from "../launch.ts";
import { describeMachine, ONE_EACH, onPath, whyNot } from "../machine.ts";
import { passThroughTable } from "../report.ts";
import { measure } from "../slices.ts";
import { table } from "../table.ts";
import { crowd } from "./client.ts";
import { ANSWERERS, BASE, CACHES } from "./contenders.ts";
import { redisMissing } from "../../../test/support/redis.ts";
import { fleet } from "./fleet.ts";
import { inProcessHits } from "./in-process.ts";
import { HERDS, type Herd } from "./herds.ts";
import { startOrigin, type Origin } from "./origin.ts";
import { OUTAGES } from "./outages.ts";

const USAGE = `npm run bench:cache -- [hits|inside|herds|outages|fleet ...] [options]

  --only A,B       these contenders only
  --rounds N       of hits: two slices a contender each (3); of herds: runs (3)
  --slice SECONDS  (2)
  --size KIB       of a hit's body (1)
`;

interface Options {
  readonly what: readonly string[];
  readonly only: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly size: number;
}

async function withPeers(
  contenders: readonly Contender[],
  { size, only }: Options,
  use: (running: readonly Running[], origin: Origin) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "spillway-bench-"));
  const origin = await startOrigin(size);
  const running: Running[] = [];
  try {
    for (const { name, launch } of contenders) {
      if (only.length > 0 && !only.includes(name)) continue;
      const port = await freePort();
      const how = launch({ port, upstream: origin.port, size, folder });
      if (typeof how === "string") say(`${name}: not available: ${how}`);
      else running.push(await start(name, how, { port, cores: ONE_EACH.contender, folder }));
    }
    await use(running, origin);
  } finally {
    await Promise.all(running.map((one) => one.stop()));
    await origin.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A fresh hit: the origin is asked once by each, before the first slice. */
async function hits(options: Options): Promise<void> {
  const generator = onPath("wrk") ? "wrk" : "node";
  say(`\nfresh hits, ${options.size / 1024} KiB, 64 connections, ${generator}\n`);
  await withPeers([...ANSWERERS, ...CACHES], options, async (running, origin) => {
    const shape = { generator, connections: 64, cores: ONE_EACH.others } as const;
    const measured = await measure(running, { ...shape, seconds: options.seconds, rounds: options.rounds });
    say(passThroughTable(measured, BASE));
    say(`\norigin calls for all of it: ${origin.calls("/bench")}`);
  });
}

async function rows(title: string, herds: readonly Herd[], options: Options): Promise<void> {
  say(`\n${title}\n`);
  await withPeers(CACHES, options, async (running, origin) => {
    // The client and the origin are compiled while they run: without this whoever is first would pay for it.
    for (let i = 0; i < 3; i++) await crowd(300, () => ({ port: origin.port, path: "/before?after=50&size=1024" }));
    for (const herd of herds) {
      const lines: string[][] = running.map(({ name }) => [name]);
      for (let round = 1; round <= options.rounds; round++) {
        for (const [at, { name, port }] of running.entries()) {
          lines[at]!.push(await herd.run({ port, origin, mark: `${name}-${round}` }));
        }
      }
      say(`${table([herd.name, ...Array.from({ length: options.rounds }, (_, i) => `run ${i + 1}`)], lines)}\n`);
    }
  });
}

async function fleetOnRedis({ size }: Options): Promise<void> {
  if (redisMissing !== false) return say(`fleet: not available: ${redisMissing}`);
  say("\nfleet\n");
  const folder = mkdtempSync(join(tmpdir(), "spillway-bench-"));
  const origin = await startOrigin(size);
  try {
    await fleet(origin, folder, say);
  } finally {
    await origin.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: "string", default: "" },
      rounds: { type: "string", default: "3" },
      slice: { type: "string", default: "2" },
      size: { type: "string", default: "1" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return say(USAGE);
  const obstacle = whyNot();
  if (obstacle !== undefined) throw new Error(obstacle);
  const options: Options = {
    what: positionals.length > 0 ? positionals : ["hits", "inside", "herds", "outages", "fleet"],
    only: values.only.split(",").filter((name) => name !== ""),
    rounds: Number(values.rounds),
    seconds: Number(values.slice),
    size: Number(values.size) * 1024,
  };
  installPeers();
  buildSpillway();
  say(describeMachine());
  if (options.what.includes("hits")) await hits(options);
  if (options.what.includes("inside")) {
    const { p50, p99, p999 } = await inProcessHits(options.size);
    say(
      `\nfresh hits inside, no sockets, us: ${[p50, p99, p999].map((us) => us.toFixed(1)).join(" / ")} (p50 / p99 / p99.9)`,
    );
  }
  if (options.what.includes("herds")) await rows("herds", HERDS, options);
  if (options.what.includes("outages")) await rows("outages", OUTAGES, options);
  if (options.what.includes("fleet")) await fleetOnRedis(options);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

// Contenders are ended on exit, and a signal alone would not come to that.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
