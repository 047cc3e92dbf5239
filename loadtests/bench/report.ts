/** Measurements as tables. */
import type { Field } from "./field.ts";
import type { Measured } from "./slices.ts";
import { median, pairedRatio } from "./statistics.ts";
import { figure, table } from "./table.ts";

const HEADS = ["contender", "CPU us (min)", "ratio", "req/s", "p50 ms", "p99 ms", "RSS MiB", "errors"];

/** Ratios count from the contender called `base`; without it there are none. */
export function passThroughTable(measured: readonly Measured[], base: string): string {
  const floor = measured.find(({ name }) => name === base)?.slices.map(({ cpuMicros }) => cpuMicros) ?? [];
  const rows = measured.map(({ name, slices, residentBefore, residentAfter }) => {
    const cpu = slices.map(({ cpuMicros }) => cpuMicros);
    const errors = slices.reduce((sum, slice) => sum + slice.errors, 0);
    return [
      [name, errors > 0 ? "!" : "", slices.some(({ starved }) => starved) ? "~" : ""]
        .filter((part) => part !== "")
        .join(" "),
      `${figure(median(cpu))} (${figure(Math.min(...cpu))})`,
      figure(pairedRatio(cpu, floor), 2),
      figure(median(slices.map(({ requests, seconds }) => requests / seconds)), 0),
      figure(median(slices.map(({ p50 }) => p50)), 2),
      figure(median(slices.map(({ p99 }) => p99)), 2),
      `${figure(residentBefore, 0)} -> ${figure(residentAfter, 0)}`,
      String(errors),
    ];
  });
  return table(HEADS, rows);
}

export function absentLines({ absent }: Pick<Field, "absent">): string {
  return absent.map(({ name, reason }) => `${name}: not available: ${reason}`).join("\n");
}
