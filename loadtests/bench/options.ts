/** The command line of `npm run bench:proxy`. */
import { parseArgs } from "node:util";
import type { Generator } from "./generator.ts";
import { onPath } from "./machine.ts";

export const USAGE = `npm run bench:proxy -- [what] [options]

What (default: CPU a request of every contender)
  --latency          latency added over the direct call, open loop at --rate
  --routes N         Spillway with 1 route and with N
  --workers          Spillway with 1 worker and with 2
  --bulk MIB         one body of so many MiB down and up, of floor and spillway (or of those in --only)
  --profile          where CPU time goes, 25 functions (of spillway, or of those in --only)

Options
  --only A,B         these contenders only (--list names them)
  --against DIR      another built checkout of Spillway beside this one, as spillway-against
  --slice SECONDS    length of one slice (2)
  --rounds N         rounds of two slices a contender, there and back (3)
  --size KIB         body of the answer (1)
  --connections N    keep-alive connections (64)
  --rate N           requests a second for --latency (2000)
  --generator NAME   wrk or node (wrk when it is on PATH)
  --json FILE        raw results as well
  --list             names of the contenders
  --help
`;

export interface Options {
  what: "cpu" | "latency" | "routes" | "workers" | "bulk" | "profile" | "list" | "help";
  only: readonly string[];
  against: string | undefined;
  seconds: number;
  rounds: number;
  /** Octets. */
  size: number;
  connections: number;
  rate: number;
  routes: number;
  /** Octets of one body. */
  bulk: number;
  generator: Generator;
  json: string | undefined;
}

/** Throws with a text for the terminal. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      latency: { type: "boolean", default: false },
      routes: { type: "string" },
      bulk: { type: "string" },
      workers: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      against: { type: "string" },
      slice: { type: "string", default: "2" },
      rounds: { type: "string", default: "3" },
      size: { type: "string", default: "1" },
      connections: { type: "string", default: "64" },
      rate: { type: "string", default: "2000" },
      generator: { type: "string", default: onPath("wrk") ? "wrk" : "node" },
      json: { type: "string" },
    },
  });
  const { generator } = values;
  if (generator !== "wrk" && generator !== "node") throw new Error("--generator is wrk or node");
  const asked = (["help", "list", "latency", "routes", "workers", "bulk", "profile"] as const).filter(
    (mode) => values[mode] !== undefined && values[mode] !== false,
  );
  if (asked.length > 1) throw new Error(`one of ${asked.map((mode) => `--${mode}`).join(", ")} at a time`);
  return {
    what: asked[0] ?? "cpu",
    only: values.only.split(",").filter((name) => name !== ""),
    against: values.against,
    seconds: count("slice", values.slice),
    rounds: count("rounds", values.rounds),
    size: count("size", values.size) * 1024,
    connections: count("connections", values.connections),
    rate: count("rate", values.rate),
    routes: count("routes", values.routes ?? "1"),
    bulk: count("bulk", values.bulk ?? "1024") * 1024 ** 2,
    generator,
    json: values.json,
  };
}

/** wrk takes whole seconds only, so all of ours are whole. */
function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1 up`);
  return value;
}
