/** What the machine has: tools on PATH and CPUs to pin to. */
import { accessSync, constants, readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { delimiter, join } from "node:path";

export function onPath(tool: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export interface Cores {
  /** The contender's, as `taskset -c` takes them. */
  contender: string;
  /** The upstream's and the generator's. */
  others: string;
}

/** One CPU for the contender, one for all else: the same split on every machine, so that figures can be laid side by side. */
export const ONE_EACH: Cores = { contender: "0", others: "1" };

/** Two CPUs for the contender where two more are left for the others; undefined where not. */
export function twoForContender(): Cores | undefined {
  return availableParallelism() >= 4 ? { contender: "0,1", others: "2,3" } : undefined;
}

/** A text when nothing can be measured here. */
export function whyNot(): string | undefined {
  if (process.platform !== "linux") return "CPU time is read from /proc: this needs Linux";
  if (!onPath("taskset")) return "taskset (util-linux) is not on PATH";
  if (availableParallelism() < 2) return "two CPUs are needed, one for the contender and one for the load";
  return undefined;
}

/** One line for the head of a report. */
export function describeMachine(): string {
  const load = readFileSync("/proc/loadavg", "utf8").split(" ").slice(0, 2).join(" ");
  return `${cpus().length} CPUs (${cpus()[0]?.model.trim() ?? "unknown"}), Node ${process.versions.node}, load ${load}`;
}
