import { z } from "zod";
import type { BreakerHold, BreakerReading, BreakerState } from "../core/breaker-control.ts";
import type { Control } from "../core/control.ts";
import { redactText } from "../core/redact.ts";
import { duration } from "../core/units.ts";
import type { OpsCall, Reply } from "./call.ts";

const count = z.int().min(0);
const STATES = ["isolated", "open", "half-open", "forced-closed", "closed"] as const;

/** The breakers of one dependency, all processes added up. */
export const breakerShape = z.object({
  mode: z.enum(["enforce", "shadow", "off"]),
  state: z.enum(STATES).describe("Where processes differ, the first of: isolated, open, half-open, forced-closed"),
  states: z.record(z.string(), count).describe("How many processes are in each state"),
  reason: z.string().describe("Why it is in that state; empty when closed"),
  forMs: count.describe("How long it has been in that state"),
  leftMs: count.nullable().describe("Until it asks again, or until a state by hand ends"),
  share: z.number().describe("Of requests, how many pass: less than 1 when open or half-open"),
  calls: count.describe("That ended within the window; likewise failures and slow"),
  failures: count,
  slow: count,
  opened: count.describe("How often it opened; like the next two since it has its settings"),
  refused: count,
  wouldRefuse: count.describe("In mode shadow: who would have been refused"),
});

/** `readings` of one dependency, at least one. */
export function breakerSum(readings: readonly BreakerReading[]): z.output<typeof breakerShape> {
  const sum = (figure: (reading: BreakerReading) => number): number =>
    readings.reduce((total, reading) => total + figure(reading), 0);
  const worst = readings.toSorted((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state))[0]!;
  const states = Object.entries(Object.groupBy(readings, ({ state }) => state));
  return {
    mode: worst.mode,
    state: worst.state,
    states: Object.fromEntries(states.map(([state, those]) => [state, those.length])),
    reason: worst.reason,
    forMs: Math.round(worst.forMs),
    leftMs: worst.leftMs === undefined ? null : Math.round(worst.leftMs),
    share: sum(({ share }) => share) / readings.length,
    calls: sum(({ calls }) => calls),
    failures: sum(({ failures }) => failures),
    slow: sum(({ slow }) => slow),
    opened: sum(({ opened }) => opened),
    refused: sum(({ refused }) => refused),
    wouldRefuse: sum(({ wouldRefuse }) => wouldRefuse),
  };
}

const body = z.strictObject({
  state: z.enum(["isolated", "forced-closed"]).describe("isolated refuses all, forced-closed lets all through"),
  ttl: duration({ min: "1s", max: "24h" }).prefault("15m").describe("How long it is held; then it is by itself again"),
  reason: z.string().min(1).max(200).describe("Why; stands in the audit and in what is shown of the breaker"),
});

const shape = z.object({
  processes: count.describe("That did it"),
  silent: count.describe("That did not answer in time: ask again"),
  dependency: z.string(),
  state: z.enum(STATES),
});

const answers = {
  200: { description: "In force in all processes that answered", contentType: "application/json", schema: shape },
  404: { description: "No such dependency", contentType: "application/problem+json" },
};

/** Breakers by hand. */
export const breakers = (control: Control): readonly OpsCall[] => [
  {
    method: "PUT",
    path: "/ops/dependencies/{name}/breaker",
    access: "operate",
    summary: "Holds the breaker of a dependency isolated or closed, in all processes, for a while",
    body,
    answers: {
      ...answers,
      422: { description: "No such state, no reason, or too long a time", contentType: "application/problem+json" },
    },
    run: ({ params, body: given }) => hold(control, params["name"] ?? "", given as z.output<typeof body>),
  },
  {
    method: "DELETE",
    path: "/ops/dependencies/{name}/breaker",
    access: "operate",
    summary: "Gives a breaker back to itself: what was isolated is let through little by little",
    answers,
    run: ({ params }) => hold(control, params["name"] ?? "", undefined),
  },
];

async function hold(control: Control, dependency: string, given: BreakerHold | undefined): Promise<Reply> {
  const held = given && { ...given, reason: redactText(given.reason) };
  const { answers: all, silent } = await control.breaker({ dependency, hold: held });
  const changes = all.flatMap(({ changed }) => changed ?? []);
  const [first] = changes;
  if (!first) {
    return all.length === 0
      ? { kind: "problem", status: 503, detail: "No process answered: ask again" }
      : { kind: "problem", status: 404, detail: "No such dependency: GET /ops/dependencies lists them" };
  }
  const state: BreakerState = first.after;
  return {
    kind: "json",
    status: 200,
    body: { processes: changes.length, silent, dependency, state },
    change: {
      before: { dependency, state: first.before },
      after: { dependency, state, ...(held && { ttlMs: held.ttl, reason: held.reason }) },
    },
  };
}
