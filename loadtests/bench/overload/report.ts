/** Results as text: a table for each plan, and how Spillway stands to its goals. */
import { pairedRatio } from "../statistics.ts";
import { figure, table } from "../table.ts";
import { type Experiment, type Goal, met } from "./experiment.ts";
import { HAPROXY, SPILLWAY, TOLD } from "./peers.ts";
import { medians, type Result } from "./results.ts";

/** Later than this at the 99th percentile, and the generator had not the CPU it needs: times of the run are too long. */
export const LATE_MS = 20;

export interface Absent {
  readonly peer: string;
  readonly reason: string;
}

export function tables(experiment: Experiment, results: readonly Result[], absent: readonly Absent[]): string {
  const labels = [...new Set(results.map(({ plan }) => plan.label))];
  const parts = labels.map((label) => {
    const rows = results.filter(({ plan }) => plan.label === label);
    const heads = Object.keys(rows[0]!.rounds[0]!);
    const lines = rows.map((one) => {
      const values = medians(one);
      const late = (values["late p99 ms"] ?? 0) > LATE_MS ? " ~" : "";
      return [`${one.peer}${late}`, ...heads.map((head) => cell(values[head]!))];
    });
    return table([label, ...heads], lines);
  });
  const goals = goalLines(experiment, results);
  const why = results.flatMap(({ peer, plan, reasons }) => {
    const counts = Object.entries(reasons).map(([reason, count]) => `${reason} ${count}`);
    return counts.length === 0 ? [] : [`refused by ${peer} at ${plan.label}, first round: ${counts.join(", ")}`];
  });
  const missing = absent.map(({ peer, reason }) => `${peer}: not available: ${reason}`);
  return [
    `${experiment.id}: ${experiment.title}`,
    ...parts,
    ...[why, goals].filter(({ length }) => length > 0).map((lines) => lines.join("\n")),
    ...missing,
  ].join("\n\n");
}

function cell(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "never";
  return figure(value, value < 1 ? 2 : 1);
}

/** Who of the peers the goals are about: whatever of Spillway is there, at its defaults. */
const isOurs = ({ peer }: Result): boolean => peer.includes("spillway") && peer !== TOLD.name;

function goalLines({ goals }: Experiment, results: readonly Result[]): string[] {
  return goals.flatMap((goal) => {
    const of = results.filter(({ plan }) => plan.label === goal.plan);
    return of.filter(isOurs).map((ours) =>
      goalLine(
        goal,
        ours,
        of.find(({ peer }) => peer === HAPROXY.name),
      ),
    );
  });
}

function goalLine(goal: Goal, ours: Result, anchor: Result | undefined): string {
  const value = medians(ours)[goal.measure]!;
  const all = ours.rounds.map((round) => round[goal.measure]!);
  const theirs = (anchor?.rounds ?? []).map((round) => round[goal.measure]!);
  const ratio = pairedRatio(all, theirs);
  const beside = Number.isFinite(ratio) ? `; ${figure(ratio, 2)} of ${HAPROXY.name}'s` : "";
  const who = ours.peer === SPILLWAY.name ? "" : ` (${ours.peer})`;
  const spread = all.length > 1 ? ` [${all.map(cell).join(", ")}]` : "";
  return `${met(goal, value) ? "met " : "MISS"}  ${goal.plan} ${goal.measure}${who}: ${cell(value)}${spread}, ${goal.sense} ${goal.target}${beside}`;
}
