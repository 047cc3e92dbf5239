import { loadConfigFile } from "../config/load.ts";
import { issueLine } from "../core/errors.ts";
import { type Command, EXIT, onePositional, wantsJson, writeJson } from "./command.ts";
import { configFile, DEFAULT_CONFIG } from "./config-file.ts";
import { count } from "./dispatch.ts";

export const check: Command = {
  name: "check",
  summary: "check a configuration file: all of its errors at once, each with its place",
  usage: "[FILE] [--json]",
  help: `FILE is ${DEFAULT_CONFIG} when left out. Environment variables in it are read from the environment.`,
  options: {},
  async run(args, io) {
    const { path, shownAs: file } = configFile(onePositional(args), io);
    const { config, warnings, hash } = await loadConfigFile(path, io.env, { shownAs: file });
    const routes = config.routes.length;
    const dependencies = Object.keys(config.dependencies).length;
    if (wantsJson(args)) {
      writeJson(io.stdout, { ok: true, file, hash, routes, dependencies, warnings });
      return EXIT.ok;
    }
    for (const warning of warnings) io.stderr.write(`warning: ${issueLine(warning)}\n`);
    const noted = warnings.length > 0 ? `, ${count(warnings.length, "warning")}` : "";
    io.stdout.write(`${file}: fine (${count(routes, "route")}, ${dependencyCount(dependencies)}${noted})\n`);
    return EXIT.ok;
  },
};

const dependencyCount = (n: number): string => `${n} ${n === 1 ? "dependency" : "dependencies"}`;
