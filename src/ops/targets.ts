import { z } from "zod";
import type { DependencyReading, TargetReading } from "../core/dependency-reading.ts";

const count = z.int().min(0);

/** One target of a dependency as operators see it. */
export const targetShape = z.object({
  target: z.string().describe("Scheme, host and port"),
  states: z
    .record(z.enum(["up", "slow-start", "unhealthy", "ejected"]), count)
    .describe("In how many processes it is in which state"),
  weight: z.number().describe("In force"),
  configured: z.number(),
  override: z
    .object({ expires: z.string().describe("ISO 8601"), reason: z.string() })
    .nullable()
    .describe("Weight set by hand; null: none is"),
  inFlight: count,
  latencyMs: z
    .number()
    .nullable()
    .describe("Until the head: moving average that follows peaks; null: nothing is known"),
  requests: count.describe("Sent to it, repetitions included"),
  ejections: count.describe("Times that it was left out for its failures"),
});

type Shown = z.output<typeof targetShape>;

/** The targets of one dependency, all processes added up. */
export function targetsOf(readings: readonly DependencyReading[]): Shown[] {
  const byOrigin = Map.groupBy(
    readings.flatMap(({ targets }) => targets),
    ({ origin }) => origin,
  );
  return Array.from(byOrigin.values(), shownOf);
}

function shownOf(all: readonly TargetReading[]): Shown {
  const sum = (figure: (reading: TargetReading) => number): number =>
    all.reduce((total, reading) => total + figure(reading), 0);
  const states = { up: 0, "slow-start": 0, unhealthy: 0, ejected: 0 };
  for (const { state } of all) states[state]++;
  const known = all.filter(({ latencyMs }) => latencyMs > 0);
  const { origin, weight, configured, override } = all.find((reading) => reading.override) ?? all[0]!;
  return {
    target: origin,
    states,
    weight,
    configured,
    override: override ? { expires: new Date(override.expires).toISOString(), reason: override.reason } : null,
    inFlight: sum(({ inFlight }) => inFlight),
    latencyMs: known.length === 0 ? null : known.reduce((total, { latencyMs }) => total + latencyMs, 0) / known.length,
    requests: sum(({ requests }) => requests),
    ejections: sum(({ ejections }) => ejections),
  };
}
