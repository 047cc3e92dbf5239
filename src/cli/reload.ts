import type { ReloadResult } from "../core/control.ts";
import { type Command, EXIT, wantsJson, writeJson } from "./command.ts";
import { opsHelp, opsOptions, runCall, tellRefusal } from "./ops-client.ts";

export const reload: Command = {
  name: "reload",
  summary: "have a running gateway read its configuration again",
  usage: "[--ops-url URL] [--curl] [--json]",
  help: `${opsHelp}\nExit code 4: the file is wrong or the caller may not; the configuration in force stays.`,
  options: opsOptions,
  async run(args, io) {
    return runCall(args, io, { method: "POST", path: "/ops/config/reload" }, (answer) => {
      const result = readResult(answer.json);
      if (!result) return tellRefusal(answer, args, io);
      const refused = result.outcome === "refused";
      if (wantsJson(args)) writeJson(io.stdout, { ok: !refused, ...result });
      else if (refused) io.stderr.write(`${result.errors.join("\n")}\nrefused; the old configuration stays\n`);
      else io.stdout.write(told(result));
      return refused ? EXIT.refused : EXIT.ok;
    });
  },
};

function readResult(json: unknown): ReloadResult | undefined {
  const outcome = (json as { outcome?: unknown } | undefined)?.outcome;
  return outcome === "applied" || outcome === "unchanged" || outcome === "refused" ? (json as ReloadResult) : undefined;
}

function told(result: Exclude<ReloadResult, { outcome: "refused" }>): string {
  const first = `${result.outcome} ${result.hash.slice(0, 12)}\n`;
  const waiting = result.outcome === "applied" ? result.needsRestart : [];
  return waiting.length > 0 ? `${first}only a restart takes up: ${waiting.join(", ")}\n` : first;
}
