/** The command line of `npm run bench:overload`. */
import { parseArgs } from "node:util";
import type { Scale } from "./experiment.ts";

export const USAGE = `npm run bench:overload -- [options]

  --only E1,E3        these experiments only (E0-E7, E10, E12, self)
  --peers A,B         these peers only
  --plans 3x,6x       these loads of an experiment only
  --rounds N          runs of each peer at each load (1)
  --quick             shorter runs: for a look, not for figures
  --minutes N         of E4 (1; the experiment in full: 15)
  --seed N            of arrivals and services (1)
  --out DIR           for the SVG and JSON of each experiment (.overload)
  --list              experiments and their peers
  --help
`;

export interface Options {
  readonly what: "run" | "list" | "help";
  readonly only: readonly string[];
  readonly peers: readonly string[];
  readonly plans: readonly string[];
  readonly rounds: number;
  readonly scale: Scale;
  readonly seed: number;
  readonly out: string;
}

const FULL = { before: 5, during: 20, after: 10 };
const QUICK = { before: 3, during: 6, after: 5 };

/** Throws with a text for the terminal. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", default: "" },
      peers: { type: "string", default: "" },
      plans: { type: "string", default: "" },
      rounds: { type: "string", default: "1" },
      quick: { type: "boolean", default: false },
      minutes: { type: "string", default: "1" },
      seed: { type: "string", default: "1" },
      out: { type: "string", default: ".overload" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes >= 0.5)) throw new Error("--minutes takes a number from 0.5 up");
  return {
    what: values.help ? "help" : values.list ? "list" : "run",
    only: names(values.only),
    peers: names(values.peers),
    plans: names(values.plans),
    rounds: whole("rounds", values.rounds),
    scale: { ...(values.quick ? QUICK : FULL), minutes },
    seed: whole("seed", values.seed),
    out: values.out,
  };
}

const names = (text: string): string[] => text.split(",").filter((name) => name !== "");

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1 up`);
  return value;
}
