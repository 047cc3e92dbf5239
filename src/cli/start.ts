import { resolve } from "node:path";
import { fileSource } from "../config/source.ts";
import { textOption, type Command } from "./command.ts";
import { runDemo } from "./demo.ts";
import { serveUntilSignalled, startGateway } from "./serve.ts";

export const start: Command = {
  name: "start",
  summary: "serve a configuration file; without one, the demo",
  usage: "[--config FILE]",
  help: "  --config FILE  what to serve; read again on SIGHUP and whenever it changes",
  options: { config: { type: "string", short: "c" } },
  async run(args, io) {
    const file = textOption(args, "config");
    if (file === undefined) return runDemo(io);
    const running = await startGateway(fileSource(resolve(io.cwd, file), io.env, { shownAs: file }), io);
    return serveUntilSignalled(running, io);
  },
};
