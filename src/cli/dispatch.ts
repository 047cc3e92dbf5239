import { nearest } from "../config/nearest.ts";
import { ConfigError, issueLine, toError, UsageError } from "../core/errors.ts";
import { type Command, EXIT, type Io, readArgs, writeJson } from "./command.ts";

/** The command line as a whole: which commands there are, and what it is. */
export interface Cli {
  readonly commands: readonly Command[];
  readonly version: string;
}

/** Runs what `argv` (without the program's own name) asks for. Resolves to the exit code; never rejects. */
export async function dispatch(argv: readonly string[], cli: Cli, io: Io): Promise<number> {
  const [first, ...rest] = argv;
  const json = argv.includes("--json");
  switch (first) {
    case undefined:
    case "--help":
    case "-h":
    case "help":
      return help(
        rest.find((word) => !word.startsWith("-")),
        json,
        cli,
        io,
      );
    case "--version":
    case "-V":
    case "version":
      if (json) writeJson(io.stdout, { version: cli.version });
      else io.stdout.write(`spillway ${cli.version}\n`);
      return EXIT.ok;
    default:
  }
  const command = cli.commands.find(({ name }) => name === first);
  if (!command) return unknownCommand(first, json, cli, io);
  try {
    const args = readArgs(command, rest);
    return args.values["help"] === true ? help(first, json, cli, io) : await command.run(args, io);
  } catch (thrown) {
    return report(toError(thrown), command, json, io);
  }
}

function report(error: NodeJS.ErrnoException, command: Command, json: boolean, io: Io): number {
  if (error instanceof ConfigError) {
    const lines = error.issues.map(issueLine);
    if (json) writeJson(io.stdout, { ok: false, errors: error.issues });
    else io.stderr.write(`${lines.join("\n")}\nspillway ${command.name}: ${count(lines.length, "error")}\n`);
    return EXIT.failure;
  }
  const isUsage = error instanceof UsageError || error.code?.startsWith("ERR_PARSE_ARGS_");
  const message = isUsage ? usageMessage(error, command) : (error.stack ?? error.message);
  if (json) writeJson(io.stdout, { ok: false, errors: [{ message: isUsage ? message : error.message }] });
  else io.stderr.write(`spillway ${command.name}: ${message}\n`);
  return isUsage ? EXIT.usage : EXIT.failure;
}

/** The parser's own words speak to programmers: for an unknown option ours name the nearest one. */
function usageMessage(error: NodeJS.ErrnoException, command: Command): string {
  const option = /^Unknown option '(-[^']+)'/.exec(error.message)?.[1];
  if (option === undefined) return error.message;
  const known = [...Object.keys(command.options), "json", "help"].map((name) => `--${name}`);
  const meant = nearest(option, known);
  return `unknown option ${option}: ${meant === undefined ? `known are ${known.join(", ")}` : `did you mean ${meant}?`}`;
}

function unknownCommand(name: string, json: boolean, { commands }: Cli, io: Io): number {
  const meant = nearest(
    name,
    commands.map((command) => command.name),
  );
  const remedy = meant === undefined ? '"spillway help" lists the commands' : `did you mean "${meant}"?`;
  const message = `unknown command "${name}": ${remedy}`;
  if (json) writeJson(io.stdout, { ok: false, errors: [{ message }] });
  else io.stderr.write(`spillway: ${message}\n`);
  return EXIT.usage;
}

function help(name: string | undefined, json: boolean, cli: Cli, io: Io): number {
  const command = cli.commands.find((candidate) => candidate.name === name);
  if (name !== undefined && name !== "help" && !command) return unknownCommand(name, json, cli, io);
  if (json) {
    const shown = command ? [command] : cli.commands;
    writeJson(io.stdout, { commands: shown.map(({ name, summary, usage }) => ({ name, summary, usage })) });
  } else io.stdout.write(command ? commandHelp(command) : overview(cli));
  return EXIT.ok;
}

function commandHelp({ name, summary, usage, help: details }: Command): string {
  return `${summary}\n\n  spillway ${name} ${usage}\n${details ? `\n${details}\n` : ""}`;
}

function overview({ commands, version }: Cli): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    `spillway ${version}: a resilience gateway for HTTP APIs`,
    "",
    "  spillway COMMAND [--json]",
    "",
    ...lines,
    "",
    '"spillway help COMMAND" tells more. Exit codes: 0 ok, 1 failure, 2 usage, 3 unreachable, 4 refused.',
    "",
  ].join("\n");
}

/** `1 error`, `2 errors`. */
export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;
