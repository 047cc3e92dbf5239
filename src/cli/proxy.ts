import { objectSource } from "../config/source.ts";
import { UsageError } from "../core/errors.ts";
import { noPositional, textOption, type Command } from "./command.ts";
import { originOf } from "./origin.ts";
import { serveUntilSignalled, startGateway } from "./serve.ts";

export const proxy: Command = {
  name: "proxy",
  summary: "serve one origin without a file",
  usage: "--to ORIGIN [--host ADDRESS] [--port PORT] [--ops-port PORT] [--allow-root]",
  help: "  --to ORIGIN      such as http://127.0.0.1:3000 or :3000\n  --host ADDRESS   default 127.0.0.1\n  --port PORT      default 8080; 0 takes any free one\n  --ops-port PORT  default 9901\n  --allow-root     serve other machines as root",
  options: {
    to: { type: "string" },
    host: { type: "string" },
    port: { type: "string" },
    "ops-port": { type: "string" },
    "allow-root": { type: "boolean" },
  },
  async run(args, io) {
    noPositional(args, "name the origin with --to ORIGIN");
    const to = textOption(args, "to");
    if (to === undefined) throw new UsageError("--to ORIGIN is needed, such as --to http://127.0.0.1:3000");
    const source = objectSource({
      listen: { host: textOption(args, "host") ?? "127.0.0.1", port: portOf(textOption(args, "port") ?? "8080") },
      ops: { port: portOf(textOption(args, "ops-port") ?? "9901") },
      // Whoever stops this wants it gone, not announced to a load balancer.
      drain: { delay: "0ms" },
      dependencies: { origin: { http: { targets: [originOf(to, "--to")] } } },
      routes: [{ name: "all", match: { path: "/*" }, dependency: "origin" }],
    });
    return serveUntilSignalled(await startGateway(source, io, args.values["allow-root"] === true), io);
  },
};

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new UsageError(`${text} is not a port: expected 0 to 65535`);
  return port;
}
