import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import type { Cancel } from "../core/clock.ts";
import { UsageError } from "../core/errors.ts";

/** What a command ends with. `refused`: the other side understood and said no. */
export const EXIT = { ok: 0, failure: 1, usage: 2, unreachable: 3, refused: 4 } as const;

/** Somewhere to write text to. */
export interface Output {
  write(text: string): unknown;
}

/** The world as a command sees it. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of this package. */
  readonly version: string;
  /** What relative paths start from. */
  readonly cwd: string;
  /** Calls `listener` whenever the process gets the signal, which then no longer ends it. */
  readonly onSignal: (signal: NodeJS.Signals, listener: () => void) => Cancel;
  /** Whether the process may do anything on this machine. Default: it may not. */
  readonly isRoot?: boolean;
  /** Calls `listener` for what was thrown or rejected and nobody caught, which then no longer ends the process. */
  readonly onFault?: (listener: (where: string, thrown: unknown) => void) => Cancel;
}

type Value = string | boolean | undefined | (string | boolean)[];

/** The arguments behind a command's name. */
export interface Args {
  readonly values: Readonly<Record<string, Value>>;
  readonly positionals: readonly string[];
}

export interface Command {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Behind `spillway NAME`: `[FILE] [--json]`. */
  readonly usage: string;
  /** What the options mean: a line each, or more. */
  readonly help?: string;
  /** `--json` and `--help` are understood everywhere and not listed here. */
  readonly options: ParseArgsOptionsConfig;
  /** Resolves to an exit code. Throws `UsageError` and `ConfigError` freely: they are shown as they are. */
  readonly run: (args: Args, io: Io) => Promise<number>;
}

const EVERYWHERE: ParseArgsOptionsConfig = { json: { type: "boolean" }, help: { type: "boolean", short: "h" } };

/** Takes the arguments of a command apart. */
export function readArgs(command: Command, argv: readonly string[]): Args {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: { ...EVERYWHERE, ...command.options },
    allowPositionals: true,
    strict: true,
  });
  return { values, positionals };
}

/** An option's text; undefined when it was not given. */
export function textOption(args: Args, name: string): string | undefined {
  const value = args.values[name];
  return typeof value === "string" ? value : undefined;
}

/** The one positional argument a command may have. */
export function onePositional(args: Args): string | undefined {
  if (args.positionals.length > 1) throw new UsageError(`one argument at most, got ${args.positionals.join(" ")}`);
  return args.positionals[0];
}

/** For commands without positional arguments; `remedy` tells where the word that was given belongs. */
export function noPositional(args: Args, remedy?: string): void {
  if (args.positionals.length === 0) return;
  throw new UsageError(`takes no arguments, got ${args.positionals.join(" ")}${remedy ? `: ${remedy}` : ""}`);
}

/** Whether the answer is for programs. */
export const wantsJson = (args: Args): boolean => args.values["json"] === true;

/** One JSON document, a line. */
export function writeJson(out: Output, value: unknown): void {
  out.write(`${JSON.stringify(value)}\n`);
}
