import { z } from "zod";
import type { Control } from "../core/control.ts";
import type { AdmissionReading, DependencyReading, RefusalCount, RetryReading } from "../core/dependency-reading.ts";
import { breakerShape, breakerSum } from "./breakers.ts";
import type { OpsCall } from "./call.ts";
import { targetShape, targetsOf } from "./targets.ts";

const count = z.int().min(0);
const refusals = z.array(z.object({ reason: z.string(), class: z.string(), count }));

const retry = z.object({
  inFlight: count.describe("Requests that have no head of an answer yet"),
  retrying: count.describe("Those of them in a further try, or waiting for it"),
  allowed: count.describe("The most that retrying may be now"),
  tokens: z.number().describe("Further tries that are saved up"),
  most: z.number().describe("The most that can be saved up now"),
  results: z.record(z.string(), count).describe("What became of further tries, since the budget is in force"),
});

const shape = z.object({
  processes: count.describe("That answered; their figures are added up"),
  silent: count.describe("That did not answer in time and are missing here"),
  dependencies: z.array(
    z.object({
      name: z.string(),
      panic: z.boolean().describe("So few targets are usable that some process uses all"),
      targets: z.array(targetShape),
      admission: z.object({
        mode: z.enum(["enforce", "shadow", "off"]),
        limit: count.nullable().describe("Seats; null where nothing is limited"),
        inFlight: count.describe("Seats taken"),
        queued: z.record(z.string(), count).describe("How many wait, by class"),
        serviceMs: z.number().nullable().describe("Mean time a seat is held, the newest count most; null without any"),
        refused: refusals.describe("Since the limit is in force; some of them became stale answers"),
        wouldRefuse: refusals.describe("In mode shadow: who would have been refused"),
      }),
      breaker: breakerShape,
      retry: retry.nullable().describe("Further tries; null where there are none"),
    }),
  ),
});

/** What operators see of the dependencies, all processes added up. */
export const dependencies = (control: Control): readonly OpsCall[] => [
  {
    method: "GET",
    path: "/ops/dependencies",
    access: "read",
    summary:
      "Dependencies: their targets; seats, how many are taken, who waits, who was refused; states of breakers; what is left for further tries",
    answers: { 200: { description: "All of them", contentType: "application/json", schema: shape } },
    async run() {
      const { answers, silent } = await control.dependencies();
      const byName = Map.groupBy(answers.flat(), ({ name }) => name);
      const body = {
        processes: answers.length,
        silent,
        dependencies: Array.from(byName, ([name, readings]) => ({
          name,
          panic: readings.some(({ panic }) => panic),
          targets: targetsOf(readings),
          admission: sumOf(readings),
          breaker: breakerSum(readings.map(({ breaker }) => breaker)),
          retry: retryOf(readings),
        })),
      };
      return { kind: "json", status: 200, body };
    },
  },
];

function sumOf(all: readonly DependencyReading[]) {
  const readings = all.map(({ admission }) => admission);
  const sum = (figure: (reading: AdmissionReading) => number): number =>
    readings.reduce((total, reading) => total + figure(reading), 0);
  const busy = readings.filter(({ serviceMs }) => serviceMs > 0);
  const [first] = readings;
  return {
    mode: first!.mode,
    limit: readings.some(({ limit }) => limit === undefined) ? null : sum(({ limit }) => limit!),
    inFlight: sum(({ inFlight }) => inFlight),
    queued: Object.fromEntries(
      Object.keys(first!.queued).map((name) => [name, sum(({ queued }) => queued[name as keyof typeof queued])]),
    ),
    serviceMs: busy.length === 0 ? null : busy.reduce((total, { serviceMs }) => total + serviceMs, 0) / busy.length,
    refused: added(readings.flatMap(({ refused }) => refused)),
    wouldRefuse: added(readings.flatMap(({ wouldRefuse }) => wouldRefuse)),
  };
}

function retryOf(all: readonly DependencyReading[]) {
  const readings = all.flatMap(({ retry: reading }) => (reading ? [reading] : []));
  if (readings.length === 0) return null;
  const sum = (figure: (reading: RetryReading) => number): number =>
    readings.reduce((total, reading) => total + figure(reading), 0);
  const results: Record<string, number> = {};
  for (const { result, count: n } of readings.flatMap((reading) => reading.results)) {
    results[result] = (results[result] ?? 0) + n;
  }
  return {
    inFlight: sum(({ inFlight }) => inFlight),
    retrying: sum(({ retrying }) => retrying),
    allowed: sum(({ allowed }) => allowed),
    tokens: sum(({ tokens }) => tokens),
    most: sum(({ most }) => most),
    results,
  };
}

function added(counts: readonly RefusalCount[]): readonly RefusalCount[] {
  const sums = new Map<string, RefusalCount>();
  for (const one of counts) {
    const key = `${one.reason} ${one.class}`;
    sums.set(key, { ...one, count: one.count + (sums.get(key)?.count ?? 0) });
  }
  return [...sums.values()];
}
