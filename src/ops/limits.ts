import { z } from "zod";
import type { Control } from "../core/control.ts";
import type { LimitReading, LimitsReading } from "../core/limits-control.ts";
import type { OpsCall } from "./call.ts";

const count = z.int().min(0);

const limitsShape = z.object({
  processes: count.describe("Those that answered"),
  silent: count.describe("Those that did not"),
  sharing: count.describe("Processes of the fleet that are thought to share the limits"),
  store: z.enum(["memory", "redis", "local"]).describe("local: redis is configured and some process cannot ask it"),
  limits: z.array(
    z.object({
      rule: z.string(),
      mode: z.enum(["enforce", "shadow"]),
      by: z.array(z.string()),
      limit: count.nullable(),
      windowMs: count.nullable(),
      algorithm: z.enum(["fixed-window", "token-bucket"]).nullable(),
      concurrent: count.nullable(),
      inFlightKeys: count.describe("Keys with requests under way"),
      checked: count,
      refused: count.describe("In shadow mode: what would have been"),
      keys: count.describe("Keys that have used some of their limit"),
      slots: count.describe("Room for keys"),
      bytes: count.describe("Octets of that room"),
    }),
  ),
});

/** What operators see of client quotas, all processes added up. Keys are not shown: who they are is hashed. */
export const limits = (control: Control): readonly OpsCall[] => [
  {
    method: "GET",
    path: "/ops/limits",
    access: "read",
    summary: "Client quotas: rules, keys in use, what was counted and refused since the start",
    answers: { 200: { description: "Quotas", contentType: "application/json", schema: limitsShape } },
    async run() {
      const { readings, silent } = await control.limits();
      return { kind: "json", status: 200, body: sumOf(readings, silent) };
    },
  },
];

function sumOf(readings: readonly LimitsReading[], silent: number): z.output<typeof limitsShape> {
  const rules = Map.groupBy(
    readings.flatMap((reading) => reading.limits),
    ({ rule }) => rule,
  );
  const stores = readings.map(({ store }) => store);
  return {
    processes: readings.length,
    silent,
    sharing: Math.max(0, ...readings.map(({ processes }) => processes)),
    store: stores.find((store) => store === "local") ?? stores[0] ?? "memory",
    limits: Array.from(rules.values(), ruleOf),
  };
}

function ruleOf(all: readonly LimitReading[]): z.output<typeof limitsShape>["limits"][number] {
  const [first] = all;
  const sum = (of: (one: LimitReading) => number): number => all.reduce((total, one) => total + of(one), 0);
  const { rule, mode, by, limit = null, windowMs = null, algorithm = null, concurrent = null } = first!;
  return {
    rule,
    mode,
    by: [...by],
    limit,
    windowMs,
    algorithm,
    concurrent,
    inFlightKeys: sum(({ inFlightKeys }) => inFlightKeys),
    checked: sum(({ checked }) => checked),
    refused: sum(({ refused }) => refused),
    keys: sum(({ keys }) => keys),
    slots: sum(({ slots }) => slots),
    bytes: sum(({ bytes }) => bytes),
  };
}
