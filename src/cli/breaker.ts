import { UsageError } from "../core/errors.ts";
import { formatDuration } from "../core/units.ts";
import { type Args, type Command, EXIT, type Io, textOption, wantsJson, writeJson } from "./command.ts";
import { type OpsAnswer, opsHelp, opsOptions, type OpsRequest, runCall, tellRefusal } from "./ops-client.ts";

export const breaker: Command = {
  name: "breaker",
  summary: "breakers of a running gateway's dependencies, and their states by hand",
  usage: "ls|isolate NAME|force-close NAME|release NAME [--ttl D] [--reason R] [--curl] [--json]",
  help: `  ls                 states of all breakers
  isolate NAME       refuse all requests to a dependency
  force-close NAME   let all through, however it fares
  release NAME       by itself again; what was isolated is let through little by little
  --ttl D            of isolate and force-close: for how long, 24h at most; default: 15m
  --reason R         of isolate and force-close: why, for the audit; must be given
${opsHelp}`,
  options: { ...opsOptions, ttl: { type: "string" }, reason: { type: "string" } },
  async run(args, io) {
    const request = requestOf(args);
    return runCall({ ...args, positionals: [] }, io, request, (answer) => tell(answer, request, args, io));
  },
};

const HELD: Readonly<Record<string, string>> = { isolate: "isolated", "force-close": "forced-closed" };

function requestOf(args: Args): OpsRequest {
  const [action = "", name, ...rest] = args.positionals;
  const holds = Object.hasOwn(HELD, action);
  if (!holds && action !== "release" && action !== "ls") {
    throw new UsageError(
      `${action ? `no "${action}" here` : "what of breakers?"}: one of ls, isolate, force-close, release`,
    );
  }
  const reason = textOption(args, "reason");
  const ttl = textOption(args, "ttl");
  if (!holds && (reason !== undefined || ttl !== undefined))
    throw new UsageError(`${action} takes no --ttl and no --reason`);
  const surplus = action === "ls" ? args.positionals.slice(1) : rest;
  if (surplus.length > 0)
    throw new UsageError(`${action} takes ${action === "ls" ? "nothing" : "one name"}, got ${surplus.join(" ")}, too`);
  if (action === "ls") return { method: "GET", path: "/ops/dependencies" };
  if (name === undefined) throw new UsageError(`of which dependency? spillway breaker ${action} NAME`);
  const path = `/ops/dependencies/${encodeURIComponent(name)}/breaker`;
  if (!holds) return { method: "DELETE", path };
  if (reason === undefined) throw new UsageError("say why, for the audit: --reason TEXT");
  return { method: "PUT", path, body: { state: HELD[action], ...(ttl !== undefined && { ttl }), reason } };
}

/** As the ops listener shows it. */
interface Shown {
  readonly name: string;
  readonly breaker: {
    readonly state: string;
    readonly reason: string;
    readonly leftMs: number | null;
    readonly calls: number;
    readonly failures: number;
    readonly slow: number;
    readonly refused: number;
  };
}

function tell(answer: OpsAnswer, { method }: OpsRequest, args: Args, io: Io): number {
  if (answer.status !== 200) return tellRefusal(answer, args, io);
  if (wantsJson(args)) writeJson(io.stdout, { ok: true, ...(answer.json as object) });
  else if (method === "GET") {
    const { dependencies } = answer.json as { dependencies: readonly Shown[] };
    for (const each of dependencies) io.stdout.write(`${lineOf(each)}\n`);
  } else {
    const { dependency, state, processes, silent } = answer.json as Record<string, string | number>;
    const missing = silent === 0 ? "" : `, ${silent} did not answer: ask again`;
    io.stdout.write(`${dependency} is ${state} in ${processes} process${processes === 1 ? "" : "es"}${missing}\n`);
  }
  return EXIT.ok;
}

function lineOf({ name, breaker: { state, reason, leftMs, calls, failures, slow, refused } }: Shown): string {
  const left = leftMs === null ? "" : ` for another ${formatDuration(Math.ceil(leftMs / 1000) * 1000)}`;
  const why = reason === "" ? "" : `: ${reason}`;
  return `${name}  ${state}${left}${why}  (${calls} calls, ${failures} failed, ${slow} slow; ${refused} refused)`;
}
