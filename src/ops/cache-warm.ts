import { z } from "zod";
import type { CacheAnswer } from "../core/cache-control.ts";
import type { Control } from "../core/control.ts";
import { redactText } from "../core/redact.ts";
import { FASTEST_WARMING, warmUrl, type PlanReading, type WarmTarget } from "../core/warming.ts";
import type { OpsCall, Reply } from "./call.ts";

/** URLs of one plan, and failures that are told of one. */
const MOST_URLS = 1000;
const MOST_FAILURES = 20;

const body = z
  .strictObject({
    urls: z.array(warmUrl).min(1).max(MOST_URLS).optional().describe("Paths, or URLs with scheme and host"),
    host: z.string().min(1).max(255).optional().describe("Of paths; absent: cache.warm.host"),
    plan: z.literal("configured").optional().describe("The targets of cache.warm"),
    rate: z
      .number()
      .min(0.1)
      .max(FASTEST_WARMING)
      .optional()
      .describe("Requests a second, a process; absent: cache.warm.rate"),
  })
  .refine(
    ({ urls, plan }) => (urls === undefined) !== (plan === undefined),
    'what is to be warmed? Give either urls or plan: "configured"',
  );

const count = z.int();
const planShape = z.object({
  id: z.string(),
  state: z.enum(["queued", "running", "paused", "done", "cancelled"]),
  because: z
    .enum(["level", "memory", "failures"])
    .nullable()
    .describe("Why it is paused: the degradation level, want of memory, or requests that failed in a row"),
  processes: count.describe("That work on it, each on the whole list: memory is each process's own"),
  total: count,
  done: count.describe("Fetched and kept"),
  skipped: count.describe("Fresh already"),
  notStored: count.describe("Answered, and not to be kept"),
  failed: count,
  failures: z.array(z.object({ url: z.string(), why: z.string() })).describe("The first twenty"),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
});

const problem = (description: string) => ({ description, contentType: "application/problem+json" });
const json = (description: string, schema: z.ZodType) => ({ description, contentType: "application/json", schema });

/** Fetching into the cache before anybody asks: plans, and how far they have come. */
export const cacheWarm = (control: Control): readonly OpsCall[] => [
  warm(control),
  plans(control),
  plan(control),
  cancel(control),
];

const warm = (control: Control): OpsCall => ({
  method: "POST",
  path: "/ops/cache/warm",
  access: "operate",
  summary: "Fetches URLs into the cache, in the background and at a bounded rate",
  body,
  answers: {
    202: json(
      "A plan, which may wait for others",
      z.object({ id: z.string(), queued: count.describe("Requests of it, in all processes") }),
    ),
    409: problem("Too many plans wait"),
    422: problem("Nothing to fetch"),
  },
  async run({ id, body: given }) {
    const { urls, host, rate } = given as z.output<typeof body>;
    const started = await startPlan(control, id, { urls, host, rate });
    if ("detail" in started) return { kind: "problem", ...started };
    const change = { before: undefined, after: { ...started, urls: urls?.map((one) => redactText(one)) } };
    return { kind: "json", status: 202, body: started, change };
  },
});

const plans = (control: Control): OpsCall => ({
  method: "GET",
  path: "/ops/cache/warm",
  access: "read",
  summary: "Plans that run, wait or have ended, the oldest first",
  answers: { 200: json("Plans", z.object({ plans: z.array(planShape) })) },
  async run() {
    return { kind: "json", status: 200, body: { plans: await plansOf(control, undefined) } };
  },
});

const plan = (control: Control): OpsCall => ({
  method: "GET",
  path: "/ops/cache/warm/{id}",
  access: "read",
  summary: "How far a plan has come, and what failed",
  answers: { 200: json("The plan", planShape), 404: problem("No such plan") },
  async run({ params }) {
    const [found] = await plansOf(control, params["id"] ?? "");
    return found ? { kind: "json", status: 200, body: found } : noPlan;
  },
});

const cancel = (control: Control): OpsCall => ({
  method: "DELETE",
  path: "/ops/cache/warm/{id}",
  access: "operate",
  summary: "Cancels a plan: what is under way ends, the rest is not begun",
  answers: { 200: json("Cancelled", planShape), 404: problem("No such plan runs or waits") },
  async run({ params }) {
    const id = params["id"] ?? "";
    const { answers } = await control.cache({ do: "cancel-plan", id });
    if (!answers.some((answer) => answer.did === "cancel-plan" && answer.cancelled)) return noPlan;
    const [found] = await plansOf(control, id);
    return { kind: "json", status: 200, body: found, change: { before: undefined, after: { cancelled: found?.id } } };
  },
});

const noPlan: Reply = {
  kind: "problem",
  status: 404,
  detail: "No plan of this id runs or waits, or is known any more",
};

/** `urls` absent: those of the configuration. */
interface Asked {
  readonly urls?: readonly string[] | undefined;
  readonly host?: string | undefined;
  readonly rate?: number | undefined;
}

/** A plan in every process that has memory of its own, or in one for all. */
export async function startPlan(
  control: Control,
  id: string,
  { urls, host, rate }: Asked,
): Promise<{ id: string; queued: number } | { status: number; detail: string }> {
  const targets = urls?.map((one): WarmTarget => ({ url: one, host, headers: [], priority: 5 })) ?? "configured";
  const order = { id, targets, mode: "fill", rate } as const;
  const { answers } = await control.cache({ do: "warm", order, first: true });
  const taken = answers.filter((answer) => answer.did === "warm");
  const queued = taken.filter((answer) => answer.taken === "queued").reduce((sum, { total }) => sum + total, 0);
  if (queued > 0) return { id, queued };
  if (taken.some((answer) => answer.taken === "full")) {
    return { status: 409, detail: "Too many plans wait already, or the gateway is about to end: wait, or cancel one" };
  }
  return { status: 422, detail: "There is nothing to fetch: give urls, or put targets into cache.warm" };
}

async function plansOf(control: Control, id: string | undefined) {
  const { answers } = await control.cache({ do: "plans", id });
  const plans = answers.flatMap((answer: CacheAnswer) => (answer.did === "plans" ? answer.plans : []));
  return Array.from(Map.groupBy(plans, (plan) => plan.id).values(), summed);
}

const ORDER = ["running", "paused", "queued", "cancelled", "done"] as const;

/** One plan of several processes: it is as far as the one that is least so. */
function summed(parts: readonly PlanReading[]): z.output<typeof planShape> {
  const sum = (of: (part: PlanReading) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const states = parts.map(({ state }) => state);
  const state = ORDER.find((at) => states.some((each) => each.at === at))!;
  const starts = states
    .map((each) => ("startedAt" in each ? each.startedAt : undefined))
    .filter((at) => at !== undefined);
  const ends = states.map((each) => ("endedAt" in each ? each.endedAt : undefined)).filter((at) => at !== undefined);
  const failures = parts.flatMap((part) => part.failures).slice(0, MOST_FAILURES);
  const timeOf = (at: number): string => new Date(at).toISOString();
  return {
    id: parts[0]!.id,
    state,
    because: states.find((each) => each.at === "paused")?.because ?? null,
    processes: parts.length,
    total: sum(({ total }) => total),
    done: sum(({ done }) => done),
    skipped: sum(({ skipped }) => skipped),
    notStored: sum(({ notStored }) => notStored),
    failed: sum(({ failed }) => failed),
    failures: failures.map(({ url: one, why }) => ({ url: redactText(one), why: redactText(why) })),
    startedAt: starts.length === 0 ? null : timeOf(Math.min(...starts)),
    endedAt: ends.length < parts.length ? null : timeOf(Math.max(...ends)),
  };
}
