import type { ParseArgsOptionsConfig } from "node:util";
import { systemClock } from "../core/clock.ts";
import { UsageError } from "../core/errors.ts";
import { type Args, EXIT, type Io, textOption, wantsJson, writeJson } from "./command.ts";
import { callOps, type OpsRequest, runCall, tellRefusal, tellUnreachable } from "./ops-client.ts";

/** Milliseconds between two looks at a plan. */
const LOOK_EVERY = 300;

export const warmOptions: ParseArgsOptionsConfig = {
  host: { type: "string" },
  rate: { type: "string" },
  wait: { type: "boolean" },
};

/** A plan as the ops listener shows it. */
interface Shown {
  readonly id: string;
  readonly state: string;
  readonly because: string | null;
  readonly total: number;
  readonly done: number;
  readonly skipped: number;
  readonly notStored: number;
  readonly failed: number;
  readonly failures: readonly { readonly url: string; readonly why: string }[];
}

/** `spillway cache warm`: starts a plan and, with `--wait`, says how it ended. */
export async function warm(args: Args, io: Io): Promise<number> {
  const request = requestOf(args);
  const plain = { ...args, positionals: [] };
  let id: string | undefined;
  const code = await runCall(plain, io, request, (answer) => {
    if (answer.status !== 202) return tellRefusal(answer, args, io);
    const started = answer.json as { id: string; queued: number };
    id = started.id;
    if (args.values["wait"] === true) return EXIT.ok;
    if (wantsJson(args)) writeJson(io.stdout, { ok: true, ...started });
    else io.stdout.write(`plan ${started.id}: ${started.queued} requests are queued\n`);
    return EXIT.ok;
  });
  return id !== undefined && args.values["wait"] === true ? waitFor(id, args, io) : code;
}

function requestOf(args: Args): OpsRequest {
  const urls = args.positionals.slice(1);
  const host = textOption(args, "host");
  const rate = textOption(args, "rate");
  if (rate !== undefined && !(Number(rate) > 0)) {
    throw new UsageError(`--rate takes a number of requests a second, got ${rate}`);
  }
  const what = urls.length > 0 ? { urls } : { plan: "configured" };
  const more = { ...(host !== undefined && { host }), ...(rate !== undefined && { rate: Number(rate) }) };
  return { method: "POST", path: "/ops/cache/warm", body: { ...what, ...more } };
}

async function waitFor(id: string, args: Args, io: Io): Promise<number> {
  for (;;) {
    const result = await callOps({ method: "GET", path: `/ops/cache/warm/${id}` }, args, io);
    if (result.kind === "unreachable") return tellUnreachable(result, args, io);
    if (result.answer.status !== 200) return tellRefusal(result.answer, args, io);
    const plan = result.answer.json as Shown;
    if (plan.state === "done" || plan.state === "cancelled") return tellEnd(plan, args, io);
    await new Promise<void>((resolve) => void systemClock.after(LOOK_EVERY, resolve));
  }
}

function tellEnd(plan: Shown, args: Args, io: Io): number {
  const { id, state, total, done, skipped, notStored, failed, failures } = plan;
  const ok = state === "done" && failed === 0;
  if (wantsJson(args)) writeJson(io.stdout, { ok, ...plan });
  else {
    const counts = `${done} fetched, ${skipped} fresh already, ${notStored} not to be kept, ${failed} failed`;
    const lines = [`plan ${id}: ${state}, of ${total}: ${counts}`, ...failures.map(({ url, why }) => `${url}: ${why}`)];
    io.stdout.write(lines.map((line) => `${line}\n`).join(""));
  }
  return ok ? EXIT.ok : EXIT.failure;
}
