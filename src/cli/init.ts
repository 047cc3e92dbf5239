import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { validateConfig } from "../config/load.ts";
import { ConfigError, toError, UsageError } from "../core/errors.ts";
import { DEFAULT_CONFIG } from "./check.ts";
import { type Command, EXIT, textOption, wantsJson, writeJson } from "./command.ts";

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
    if (args.positionals.length > 0) throw new UsageError("takes no arguments: name the origin with --upstream URL");
    const upstream = textOption(args, "upstream");
    if (upstream === undefined) throw new UsageError("--upstream URL is missing, such as http://127.0.0.1:3000");
    const output = textOption(args, "output") ?? DEFAULT_CONFIG;
    const text = firstConfig(originOf(upstream));
    await write(resolve(io.cwd, output), output, text, args.values["force"] === true ? "replace" : "keep");
    if (wantsJson(args)) writeJson(io.stdout, { ok: true, file: output });
    else io.stdout.write(`wrote ${output}; next: spillway start --config ${output}\n`);
    return EXIT.ok;
  },
};

/** `http://host:port` without the slash that is so easily typed behind it. */
function originOf(upstream: string): string {
  const origin = upstream.replace(/\/$/, "");
  try {
    validateConfig({
      dependencies: { upstream: { http: { targets: [origin] } } },
      routes: [{ match: { path: "/*" }, dependency: "upstream" }],
    });
  } catch (thrown) {
    if (thrown instanceof ConfigError) throw new UsageError(`--upstream: ${thrown.issues[0]!.message}`);
    throw thrown;
  }
  return origin;
}

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
