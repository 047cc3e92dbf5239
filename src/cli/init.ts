import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { toError, UsageError } from "../core/errors.ts";
import { type Command, EXIT, type Io, noPositional, textOption, wantsJson, writeJson } from "./command.ts";
import { DEFAULT_CONFIG } from "./config-file.ts";
import { originOf } from "./origin.ts";

export const init: Command = {
  name: "init",
  summary: "write a first configuration for one upstream",
  usage: `--upstream URL [--output ${DEFAULT_CONFIG}] [--force] [--json]`,
  help: "An existing file is only replaced with --force.",
  options: {
    upstream: { type: "string", short: "u" },
    output: { type: "string", short: "o" },
    force: { type: "boolean" },
  },
  async run(args, io) {
    noPositional(args, "name the origin with --upstream URL");
    const upstream = textOption(args, "upstream");
    if (upstream === undefined) throw new UsageError("--upstream URL is missing, such as http://127.0.0.1:3000");
    const output = textOption(args, "output") ?? DEFAULT_CONFIG;
    const text = firstConfig(originOf(upstream, "--upstream"));
    await write(resolve(io.cwd, output), output, text, args.values["force"] === true ? "replace" : "keep");
    if (wantsJson(args)) writeJson(io.stdout, { ok: true, file: output });
    else io.stdout.write(`wrote ${output}; next: ${startCommand(io)} --config ${output}\n`);
    return EXIT.ok;
  },
};

/** As it can be typed here: in a checkout the command is not on PATH. */
const startCommand = ({ env }: Io): string =>
  env["npm_lifecycle_event"] === "spillway" ? "npm start --" : "spillway start";

async function write(path: string, shown: string, text: string, existing: "keep" | "replace"): Promise<void> {
  try {
    await writeFile(path, text, { flag: existing === "keep" ? "wx" : "w" });
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown);
    if (error.code === "EEXIST") throw new UsageError(`${shown} exists already: --force replaces it`);
    throw new UsageError(`${shown} cannot be written: ${error.message}`);
  }
}

/** A complete configuration of a dozen lines. `origin` has been checked. */
function firstConfig(origin: string): string {
  return `# Every key left out has a default; "spillway schema" prints all of them, "spillway check" tests this file.
listen:
  host: \${HOST:-127.0.0.1} # 0.0.0.0 serves other machines
  port: \${PORT:-8080}
dependencies:
  upstream:
    http:
      targets: [${JSON.stringify(origin)}]
    timeout: 10s # until the head of the answer; then the client gets a 504
routes: # the first match wins
  - name: all
    match: { path: "/*" }
    dependency: upstream
`;
}
