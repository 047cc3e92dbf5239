import { fileSource } from "../config/source.ts";
import { noPositional, textOption, type Command } from "./command.ts";
import { configFile } from "./config-file.ts";
import { runDemo } from "./demo.ts";
import { serveUntilSignalled, startGateway } from "./serve.ts";

export const start: Command = {
  name: "start",
  summary: "serve a configuration file; without one, the demo",
  usage: "[--config FILE] [--allow-root]",
  help: "  --config FILE  what to serve; read again on SIGHUP and whenever it changes\n  --allow-root   serve other machines as root; `npm start` in the checkout says so",
  options: { config: { type: "string", short: "c" }, "allow-root": { type: "boolean" } },
  async run(args, io) {
    noPositional(args, "name the file with --config FILE");
    const given = textOption(args, "config");
    if (given === undefined) return runDemo(io);
    const { path, shownAs } = configFile(given, io);
    const running = await startGateway(fileSource(path, io.env, { shownAs }), io, args.values["allow-root"] === true);
    return serveUntilSignalled(running, io);
  },
};
