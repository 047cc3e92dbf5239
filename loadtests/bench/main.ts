/** Entry of `npm run bench:proxy`: Spillway beside its peers, in CPU time a request. See ../README.md for the method. */
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { CONTENDERS, type Contender, DIRECT, FLOOR, gateway } from "./contenders.ts";
import { type Field, openField } from "./field.ts";
import { bulkTable, measureBulk } from "./bulk.ts";
import { buildSpillway, installPeers } from "./install.ts";
import { latencyTable, measureLatency } from "./latency.ts";
import { type Cores, ONE_EACH, describeMachine, twoForContender, whyNot } from "./machine.ts";
import { type Options, USAGE, readOptions } from "./options.ts";
import { profile, profileTable } from "./profile.ts";
import { absentLines, passThroughTable } from "./report.ts";
import { measure } from "./slices.ts";

const PROFILES = fileURLToPath(new URL("../../.profile", import.meta.url));

async function main(options: Options): Promise<void> {
  const { what } = options;
  if (what === "help") return say(USAGE);
  if (what === "list") return say(CONTENDERS.map(({ name }) => name).join("\n"));
  const obstacle = whyNot();
  if (obstacle !== undefined) throw new Error(obstacle);
  installPeers();
  buildSpillway();
  say(`${describeMachine()}; ${options.size / 1024} KiB, ${options.connections} connections, ${options.generator}\n`);
  switch (what) {
    case "cpu":
      return cpu([...chosen(options.only), ...others(options)], options);
    case "latency":
      return latency(options);
    case "routes":
      return compare(
        [gateway("routes-1", {}), gateway(`routes-${options.routes}`, { routes: options.routes })],
        "routes-1",
        ONE_EACH,
        options,
      );
    case "workers":
      return workers(options);
    case "bulk":
      return bulk(options);
    case "profile":
      return profiles(options);
  }
}

async function cpu(contenders: readonly Contender[], options: Options): Promise<void> {
  const base = contenders.find(({ name }) => name === FLOOR) ?? contenders[0];
  await compare(contenders, base?.name ?? FLOOR, ONE_EACH, options);
}

async function compare(contenders: readonly Contender[], base: string, cores: Cores, options: Options): Promise<void> {
  await withField(contenders, cores, options, async (field) => {
    const measured = await measure(field.running, { ...options, cores: cores.others });
    say(passThroughTable(measured, base));
    keep(options, { measured, absent: field.absent });
  });
}

async function latency(options: Options): Promise<void> {
  const contenders = chosen(options.only.length === 0 ? [] : [DIRECT, ...options.only]);
  await withField(contenders, ONE_EACH, options, async (field) => {
    const found = await measureLatency(field.running, { ...options, cores: ONE_EACH.others });
    say(`open loop, ${options.rate} requests/s\n${latencyTable(found)}`);
    keep(options, { latency: found, absent: field.absent });
  });
}

async function workers(options: Options): Promise<void> {
  const two = twoForContender();
  if (two === undefined) {
    say("Fewer than four CPUs: both run on one, so this shows what sharing costs, not what a second CPU gains.\n");
  }
  const contenders = [gateway("workers-1", { workers: 1 }), gateway("workers-2", { workers: 2 })];
  await compare(contenders, "workers-1", two ?? ONE_EACH, options);
}

async function bulk(options: Options): Promise<void> {
  const names = options.only.length === 0 ? [FLOOR, "spillway"] : options.only;
  const contenders = [...chosen(names), ...others(options)].map((one) =>
    one.name === "spillway" ? gateway(one.name, { maxBody: `${options.bulk}B` }) : one,
  );
  await withField(contenders, ONE_EACH, { ...options, origin: "bulk-origin.ts" }, async (field) => {
    const found = await measureBulk(field.running, {
      octets: options.bulk,
      rounds: options.rounds,
      cores: ONE_EACH.others,
    });
    say(`one body of ${options.bulk / 1024 ** 2} MiB\n${bulkTable(found, contenders[0]?.name ?? FLOOR)}`);
    keep(options, { bulk: found, absent: field.absent });
  });
}

async function profiles(options: Options): Promise<void> {
  for (const contender of chosen(options.only.length === 0 ? ["spillway"] : options.only)) {
    const found = await profile(contender, { ...options, cores: ONE_EACH, folder: PROFILES });
    if (typeof found === "string") say(`${contender.name}: not available: ${found}`);
    else
      say(
        `${contender.name}: ${found.requests} requests, ${relative(process.cwd(), found.file)}\n${profileTable(found)}\n`,
      );
  }
}

async function withField(
  contenders: readonly Contender[],
  cores: Cores,
  { size, origin }: Options & { origin?: string },
  use: (field: Field) => Promise<void>,
): Promise<void> {
  const field = await openField(contenders, { size, cores, ...(origin === undefined ? {} : { origin }) });
  try {
    if (field.running.length > 0) await use(field);
    if (field.absent.length > 0) say(`\n${absentLines(field)}`);
  } finally {
    await field.close();
  }
}

function chosen(only: readonly string[]): Contender[] {
  const unknown = only.filter((name) => !CONTENDERS.some((contender) => contender.name === name));
  if (unknown.length > 0) throw new Error(`no contender called ${unknown.join(", ")}: see --list`);
  return CONTENDERS.filter(({ name }) => only.length === 0 || only.includes(name));
}

function others({ against }: Options): Contender[] {
  return against === undefined ? [] : [gateway("spillway-against", { checkout: against })];
}

function keep({ json }: Options, results: object): void {
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ machine: describeMachine(), ...results }, undefined, 2)}\n`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

// Contenders are ended on exit, and a signal alone would not come to that.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
try {
  await main(readOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
