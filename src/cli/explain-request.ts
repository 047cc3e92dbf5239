/** Why a running gateway answered one request as it did. */
import type { Decision } from "../core/decisions.ts";
import { type Args, EXIT, type Io, wantsJson, writeJson } from "./command.ts";
import { runCall, tellRefusal } from "./ops-client.ts";

/** As `GET /ops/requests/{id}` writes it. */
type Told = Omit<Decision, "at"> & { readonly at: string };

/** `id`: what the answer had in X-Request-Id. */
export function explainRequest(id: string, args: Args, io: Io): Promise<number> {
  const path = `/ops/requests/${encodeURIComponent(id)}`;
  return runCall(args, io, { method: "GET", path }, (answer) => {
    if (answer.status !== 200) return tellRefusal(answer, args, io);
    const told = answer.json as Told;
    if (wantsJson(args)) writeJson(io.stdout, { ok: told.outcome !== "refused", ...told });
    else tell(told, io);
    return told.outcome === "refused" ? EXIT.refused : EXIT.ok;
  });
}

function tell(told: Told, io: Io): void {
  io.stdout.write(`${told.method} ${told.path}\n`);
  io.stdout.write(
    rowsOf(told)
      .map(([name, value]) => `  ${name.padEnd(12)}${value}\n`)
      .join(""),
  );
}

type Row = readonly [string, string];

function rowsOf(told: Told): readonly Row[] {
  const { admission, cache, dependency, detail, insteadOf, patienceMs, reason, tier, staleMs } = told;
  const from = tier === undefined ? "" : ` from ${tier}`;
  const age = staleMs === undefined ? "" : `, ${ms(staleMs)} past its freshness`;
  const rows: readonly (Row | undefined)[] = [
    ["answered", `${told.status} ${told.outcome} by ${told.answeredBy}${told.whole ? "" : ", cut short"}`],
    reason && ["because", `${reason}: ${detail}`],
    insteadOf && ["stands for", insteadOf],
    ["route", told.route],
    dependency && ["dependency", dependency],
    ["class", `${told.class}, cohort ${told.cohort}`],
    cache && ["cache", `${cache}${from}${age}`],
    patienceMs !== undefined && ["deadline", `${ms(patienceMs)} from its arrival`],
    admission && ["seats", `${admission.inFlight} of ${admission.limit} taken, ${admission.ahead} ahead of it`],
    admission && [
      "wait",
      `${ms(admission.waitedMs)}; estimated ${ms(admission.estimateMs)}, at most ${ms(admission.capMs)}`,
    ],
    [
      "took",
      `${ms(told.durationMs)}${told.dependencyMs === undefined ? "" : `, the dependency ${ms(told.dependencyMs)}`}`,
    ],
    ["at", told.at],
  ].map((row) => (Array.isArray(row) ? (row as unknown as Row) : undefined));
  return rows.filter((row) => row !== undefined);
}

const ms = (value: number): string => `${Math.round(value * 10) / 10} ms`;
