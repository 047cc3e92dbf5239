import { type Command, EXIT, wantsJson, writeJson } from "./command.ts";
import { opsHelp, opsOptions, runCall } from "./ops-client.ts";

export const health: Command = {
  name: "health",
  summary: "whether a gateway takes requests; fit for a container's HEALTHCHECK",
  usage: "[--live] [--ops-url URL] [--curl] [--json]",
  help: `  --live         whether the process answers at all, draining or not\n${opsHelp}\nExit codes: 0 yes, 1 no, 3 nobody answers.`,
  options: { ...opsOptions, live: { type: "boolean" } },
  async run(args, io) {
    const path = args.values["live"] === true ? "/livez" : "/readyz";
    return runCall(args, io, { method: "GET", path }, ({ status, text }) => {
      const ok = status === 200;
      const state = text.trim().split("\n").at(-1) ?? "";
      if (wantsJson(args)) writeJson(io.stdout, { ok, status, state });
      else (ok ? io.stdout : io.stderr).write(`${state}\n`);
      return ok ? EXIT.ok : EXIT.failure;
    });
  },
};
