/** Measurements as tables. */
import type { Field } from "./field.ts";
import type { Measured } from "./slices.ts";
import { median, pairedRatio, quantile } from "./statistics.ts";
import { figure, table } from "./table.ts";

const HEADS = ["contender", "CPU us (min)", "ratio", "req/s", "p50 ms", "p99 ms", "RSS MiB", "errors"];

/** Ratios count from the contender called `base`; without it there are none. */
export function passThroughTable(measured: readonly Measured[], base: string): string {
  const floor = cpuOf(measured.find(({ name }) => name === base)?.slices ?? []);
  const rows = measured.map(({ name, slices, residentBefore, residentAfter }) => {
    const cpu = cpuOf(slices);
    const fed = slices.filter(({ starved }) => !starved);
    const errors = slices.reduce((sum, slice) => sum + slice.errors, 0);
    return [
      [name, errors > 0 ? "!" : "", slices.some(({ starved }) => starved) ? "~" : ""]
        .filter((part) => part !== "")
        .join(" "),
      `${figure(median(cpu))} (${figure(quantile(cpu, 0))})`,
      figure(pairedRatio(cpu, floor), 2),
      figure(median(fed.map(({ requests, seconds }) => requests / seconds)), 0),
      figure(median(fed.map(({ p50 }) => p50)), 2),
      figure(median(fed.map(({ p99 }) => p99)), 2),
      `${figure(residentBefore, 0)} -> ${figure(residentAfter, 0)}`,
      String(errors),
    ];
  });
  return table(HEADS, rows);
}

/** NaN for a starved slice: it keeps its place among the passes and counts in no figure. */
function cpuOf(slices: Measured["slices"]): number[] {
  return slices.map(({ cpuMicros, starved }) => (starved ? Number.NaN : cpuMicros));
}

export function absentLines({ absent }: Pick<Field, "absent">): string {
  return absent.map(({ name, reason }) => `${name}: not available: ${reason}`).join("\n");
}
