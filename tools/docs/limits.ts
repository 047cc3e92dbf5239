import { readFileSync } from "node:fs";
import type { Result, Results } from "../../test/support/simulator/results.ts";
import { scenarios } from "../../test/support/simulator/scenario.ts";
import { table } from "./markdown.ts";

/** What the simulator found, as `npm run limits:write` stores it. */
export interface Stored {
  readonly scenarios: Results;
  readonly sweep: Results;
}

/** Four significant digits are enough to compare, and all that is shown. */
export const rounded = (results: Results): Results =>
  JSON.parse(
    JSON.stringify(results, (_, value: unknown) => (typeof value === "number" ? Number(value.toPrecision(4)) : value)),
  ) as Results;

export const storedResults = (): Stored =>
  JSON.parse(readFileSync(new URL("limits.json", import.meta.url), "utf8")) as Stored;

const percent = (share: number): string => (100 * share).toFixed(1);

const cellOf = ({ served, p99 }: Result): string => `${percent(served)} / ${p99.toFixed(0)}`;

const names = scenarios.map(({ name }) => name);

const served = (results: Results): string =>
  table(
    ["limit", ...names, "worst"],
    Object.entries(results).map(([name, by]) => [
      name,
      ...names.map((scenario) => cellOf(by[scenario]!)),
      percent(Math.min(...names.map((scenario) => by[scenario]!.served))),
    ]),
  );

const seats = (results: Results): string =>
  table(
    ["limit", "mean seats in A", "in B after 1 min", "after 15 min", "refused in F, %"],
    Object.entries(results).map(([name, by]) => [
      name,
      by["A"]!.limit.toFixed(0),
      by["B"]!.minute.toFixed(0),
      by["B"]!.end.toFixed(0),
      (100 * by["F"]!.refused).toFixed(2),
    ]),
  );

const byServed = (by: Readonly<Record<string, Result>>): [string, Result][] =>
  Object.entries(by).sort(([, a], [, b]) => a.served - b.served);

const spread = (sweep: Results): string =>
  table(
    ["limit", "cells", "worst, %", "5 % are under", "half are under", "cells under 95 %", "under 90 %"],
    Object.entries(sweep).map(([name, by]) => {
      const all = byServed(by).map(([, result]) => result.served);
      const under = (share: number): string => String(all.filter((served) => served < share).length);
      const at = (share: number): string => percent(all[Math.floor(share * all.length)]!);
      return [name, String(all.length), at(0), at(0.05), at(0.5), under(0.95), under(0.9)];
    }),
  );

const worst = (by: Readonly<Record<string, Result>>): string =>
  table(
    ["dependency and load", "served, %", "mean seats"],
    byServed(by)
      .slice(0, 12)
      .map(([name, { served, limit }]) => [name, percent(served), limit.toFixed(1)]),
  );

/** The page about limits. */
export function limitsPage(): string {
  const { scenarios: results, sweep } = storedResults();
  return `# Limits

How many calls a dependency can have under way (\`dependencies.NAME.limit\`) is found by one of these algorithms:

- \`fixed\`: as many as \`initial\` says.
- \`aimd\`: one more a second, a tenth fewer after a failure. For a dependency that refuses by itself when it is full.
- \`vegas\`, \`gradient2\`: as Netflix concurrency-limits publishes them.
- \`adaptive\`, the default: as many as the dependency makes use of, and a few more. Latencies are compared with the baseline
  of their own route, so that heavier calls are no overload. Under lasting load a short drain measures the baseline anew:
  for a moment fewer seats are given, requests wait a little longer, and the limit does not drift. It grows by half a
  window until calls wait for the first time. Failures take a tenth off, once a window, and only while there are more than
  with hardly any load.

All of them start with \`initial\` seats and stay between \`min\` and \`max\`. They learn from what reaches the dependency only.

## In the simulator

A dependency with 20 slots of 50 ms, whose own queue has no end and who keeps working for clients that have gone; Poisson
arrivals; clients wait 1.25 s (10 s in I). Nothing waits in the gateway, except in the last row, which has its queue.
All start with 10 seats and know nothing of the dependency. A cell is work served in time, % of what is possible / p99 of
what is served, ms; mean of three seeds.

${scenarios.map(({ name, about }) => `- ${name}: ${about}`).join("\n")}

${served(results)}

${seats(results)}

## Other dependencies

2 to 500 slots, calls of 2 ms to 2 s, always the same or lognormal with sigma 0.5 and 1, loads of 0.7 to 5 times the
capacity, with and without loss of throughput under load. One seed a cell; the first 25 call times are left out. Large
dependencies run for a few seconds only.

${spread(sweep)}

The worst cells behind a queue:

${worst(sweep["adaptive behind a queue"]!)}

Known to be weak: very few calls a second (2 slots of 2 s: estimates need minutes), a first guess ten times too high in front
of a dependency that loses throughput under load (three quarters of what is possible in the first minute), and a sudden
slowdown to a multiple that brings calls close to their timeout.`;
}
