import { type Args, type Command, EXIT, type Io, noPositional, wantsJson, writeJson } from "./command.ts";
import { callOps, curlOf, opsHelp, opsOptions, type OpsRequest, tellRefusal, tellUnreachable } from "./ops-client.ts";

const READY: OpsRequest = { method: "GET", path: "/readyz?verbose" };
const CONFIG: OpsRequest = { method: "GET", path: "/ops/config" };

/** What `GET /ops/config` tells. */
interface Shown {
  readonly hash: string;
  readonly file?: string;
  readonly loadedAt: string;
  readonly config: { readonly routes: readonly unknown[]; readonly dependencies: Readonly<Record<string, unknown>> };
}

export const status: Command = {
  name: "status",
  summary: "what a running gateway does, and by which configuration",
  usage: "[--ops-url URL] [--curl] [--json]",
  help: opsHelp,
  options: opsOptions,
  async run(args, io) {
    noPositional(args);
    if (args.values["curl"] === true) {
      io.stdout.write([READY, CONFIG].map((request) => `${curlOf(request, args, io)}\n`).join(""));
      return EXIT.ok;
    }
    const ready = await callOps(READY, args, io);
    if (ready.kind === "unreachable") return tellUnreachable(ready, args, io);
    const config = await callOps(CONFIG, args, io);
    if (config.kind === "unreachable") return tellUnreachable(config, args, io);
    if (config.answer.status !== 200) return tellRefusal(config.answer, args, io);
    tell(ready.answer.text.trim().split("\n"), config.answer.json as Shown, args, io);
    return EXIT.ok;
  },
};

function tell(checks: readonly string[], { hash, file, loadedAt, config }: Shown, args: Args, io: Io): void {
  const routes = config.routes.length;
  const dependencies = Object.keys(config.dependencies);
  const life = /^life (\S+)/.exec(checks[0] ?? "")?.[1] ?? "unknown";
  if (wantsJson(args)) {
    writeJson(io.stdout, { ok: true, life, checks, hash, file, loadedAt, routes, dependencies });
    return;
  }
  const rows: readonly (readonly [string, string])[] = [
    ["life", life],
    ...checks.slice(1, -1).map((check) => ["check", check] as const),
    ["config", `${file ?? "made by a command"}, ${hash.slice(0, 12)}, since ${loadedAt}`],
    ["routes", String(routes)],
    ["dependencies", dependencies.join(", ") || "none"],
  ];
  io.stdout.write(rows.map(([name, value]) => `${name.padEnd(14)}${value}\n`).join(""));
}
