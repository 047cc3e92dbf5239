import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { Control } from "../core/control.ts";
import { duration, formatDuration } from "../core/units.ts";
import type { OpsCall } from "./call.ts";

const problem = (description: string) => ({ description, contentType: "application/problem+json" });

const body = z.strictObject({
  target: z
    .string()
    .max(300)
    .refine((text) => URL.canParse(text), 'expected a target such as "http://127.0.0.1:3001"')
    .describe("One of the targets of the dependency: scheme, host and port"),
  weight: z
    .number()
    .min(0)
    .max(1000)
    .nullable()
    .describe("Share beside the other targets; 0: nothing; null: the one of the configuration again"),
  ttl: duration({ min: "1s", max: "30d" })
    .prefault("1h")
    .describe("So long; then the weight of the configuration is in force again"),
  reason: z.string().min(1).max(200).describe("For the audit and for whoever looks"),
});

const shape = z.object({
  dependency: z.string(),
  target: z.string(),
  weight: z.number().nullable(),
  expires: z.string().nullable().describe("ISO 8601; null: nothing is set"),
  reason: z.string(),
  processes: z.int().describe("In which it is in force"),
  silent: z.int().describe("That gave no answer"),
});

/** How operators shift traffic between targets without a reload. */
export const weights = (control: Control, clock: Clock): OpsCall => ({
  method: "PUT",
  path: "/ops/dependencies/{name}/weights",
  access: "operate",
  summary: "Gives a target of a dependency another weight for a time, in all processes",
  body,
  answers: {
    200: { description: "In force", contentType: "application/json", schema: shape },
    404: problem("No such dependency or target"),
    422: problem("The body is not as described"),
    503: problem("No process answered"),
  },
  async run({ params, body: given }) {
    const { target: url, weight, ttl, reason } = given as z.output<typeof body>;
    const dependency = params["name"] ?? "";
    const target = new URL(url).origin;
    const expires = clock.wall() + ttl;
    const before = await weightOf(control, dependency, target);
    const { found, processes, silent } = await control.reweigh({ dependency, target, weight, expires, reason });
    if (processes === 0) return { kind: "problem", status: 503, detail: "No process answered; ask again" };
    if (found === 0) {
      const detail = "There is no such target: GET /ops/dependencies lists them by dependency";
      return { kind: "problem", status: 404, detail };
    }
    const until = weight === null ? null : new Date(expires).toISOString();
    const after = { dependency, target, weight, expires: until, reason };
    const change = { before, after: { ...after, ttl: formatDuration(ttl) } };
    return { kind: "json", status: 200, body: { ...after, processes: found, silent }, change };
  },
});

/** The weight in force before, for the audit. */
async function weightOf(control: Control, dependency: string, target: string): Promise<object | undefined> {
  const { answers } = await control.dependencies();
  const found = answers[0]?.find(({ name }) => name === dependency)?.targets.find(({ origin }) => origin === target);
  return found && { dependency, target, weight: found.weight };
}
