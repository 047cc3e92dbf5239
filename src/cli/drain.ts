import { type Command, EXIT, wantsJson, writeJson } from "./command.ts";
import { opsHelp, opsOptions, runCall, tellRefusal } from "./ops-client.ts";

export const drain: Command = {
  name: "drain",
  summary: "have a running gateway finish what is open and end",
  usage: "[--ops-url URL] [--curl] [--json]",
  help: `${opsHelp}\nReturns at once; "spillway health --live" tells when it is gone.`,
  options: opsOptions,
  async run(args, io) {
    return runCall(args, io, { method: "POST", path: "/ops/drain" }, (answer) => {
      if (answer.status !== 202) return tellRefusal(answer, args, io);
      const { life } = answer.json as { life: string };
      if (wantsJson(args)) writeJson(io.stdout, { ok: true, life });
      else io.stdout.write(`${life}\n`);
      return EXIT.ok;
    });
  },
};
