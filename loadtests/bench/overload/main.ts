/** Entry of `npm run bench:overload`: Spillway beside its peers, with more work than there is capacity. See ../../README.md for the method. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSpillway, installPeers } from "../install.ts";
import { describeMachine, whyNot } from "../machine.ts";
import { thereAndBack } from "../slices.ts";
import type { Experiment } from "./experiment.ts";
import { COLD } from "./experiments/cold.ts";
import { HALVED, LONG, SHIFTED } from "./experiments/moving.ts";
import { ATTACKED, ownCapacity, ownOverload, SELF } from "./experiments/own.ts";
import { STEP, WORKER_STEP } from "./experiments/step.ts";
import { FLOODED, HUNG, STORM } from "./experiments/trouble.ts";
import { chartOf } from "./figures.ts";
import { type Options, readOptions, USAGE } from "./options.ts";
import { type Absent, tables } from "./report.ts";
import { type Result, resultOf, serialise } from "./results.ts";
import { run } from "./run.ts";

const EXPERIMENTS: readonly Experiment[] = [
  COLD,
  STEP,
  HALVED,
  SHIFTED,
  LONG,
  HUNG,
  STORM,
  FLOODED,
  ATTACKED,
  WORKER_STEP,
];

async function main(options: Options): Promise<void> {
  if (options.what === "help") return say(USAGE);
  if (options.what === "list") {
    const lines = EXPERIMENTS.map(
      ({ id, title, peers }) => `${id}: ${title}: ${peers.map(({ name }) => name).join(", ")}`,
    );
    return say([...lines, `${SELF}: more than the gateway's own CPU can pass on`].join("\n"));
  }
  const obstacle = whyNot();
  if (obstacle !== undefined) throw new Error(obstacle);
  const unknown = options.only.filter((id) => id !== SELF && !EXPERIMENTS.some((one) => one.id === id));
  if (unknown.length > 0) throw new Error(`no experiment called ${unknown.join(", ")}: see --list`);
  installPeers();
  buildSpillway();
  mkdirSync(options.out, { recursive: true });
  const wanted = (id: string): boolean => options.only.length === 0 || options.only.includes(id);
  for (const experiment of EXPERIMENTS) if (wanted(experiment.id)) await perform(experiment, options);
  if (wanted(SELF)) await perform(ownOverload(await ownCapacity()), options);
}

async function perform(experiment: Experiment, options: Options): Promise<void> {
  say(`\n${describeMachine()}`);
  const peers = experiment.peers.filter(({ name }) => options.peers.length === 0 || options.peers.includes(name));
  if (peers.length === 0) {
    say(`${experiment.id}: none of its peers was asked for: ${experiment.peers.map(({ name }) => name).join(", ")}`);
    return;
  }
  const plans = experiment
    .plans(options.scale)
    .filter(({ label }) => options.plans.length === 0 || options.plans.includes(label));
  const results: Result[] = [];
  const absent = new Map<string, Absent>();
  for (const plan of plans) {
    // There and back: a machine that grows slower meets all alike.
    const order = thereAndBack(peers.length, Math.ceil(options.rounds / 2)).slice(0, peers.length * options.rounds);
    for (const [turn, index] of order.entries()) {
      const peer = peers[index]!;
      if (absent.has(peer.name)) continue;
      const found = await run(peer, plan, options.seed + Math.floor(turn / peers.length)).catch(
        (error: Error) => error.message,
      );
      process.stderr.write(".");
      if (typeof found === "string") {
        absent.set(peer.name, { peer: peer.name, reason: found });
        continue;
      }
      const result = resultOf(experiment, found);
      const former = results.find((one) => one.peer === peer.name && one.plan === plan);
      if (former === undefined) results.push(result);
      else former.rounds.push(...result.rounds);
    }
  }
  process.stderr.write("\n");
  const text = tables(experiment, results, [...absent.values()]);
  say(text);
  if (results.length === 0) return;
  writeFileSync(join(options.out, `${experiment.id}.svg`), chartOf(experiment, results));
  writeFileSync(join(options.out, `${experiment.id}.txt`), `${describeMachine()}\n\n${text}\n`);
  const kept = { machine: describeMachine(), options, ...serialise(experiment.id, results) };
  writeFileSync(join(options.out, `${experiment.id}.json`), `${JSON.stringify(kept)}\n`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

// Gateways and dependencies are ended on exit, and a signal alone would not come to that.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
try {
  await main(readOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
