/** Why requests got the answers they got. */
import { z } from "zod";
import type { Control } from "../core/control.ts";
import { REMEMBERED, type Decision, type DecisionsAsk } from "../core/decisions.ts";
import { redactText } from "../core/redact.ts";
import type { OpsCall } from "./call.ts";

const ms = z.number().optional();

const decisionShape = z.object({
  id: z.string(),
  at: z.string().describe("When the exchange was over, RFC 3339"),
  method: z.string(),
  path: z.string().describe("Without the query; a long one is cut"),
  route: z.string(),
  dependency: z.string().optional(),
  class: z.string(),
  cohort: z.int(),
  patienceMs: ms.describe("Milliseconds that somebody would have waited, where a deadline was named"),
  status: z.int(),
  outcome: z.string(),
  answeredBy: z.string().describe("edge, quota, cache, fallback, admission, dependency, route or host"),
  reason: z.string().optional().describe("Of a refusal or a failure"),
  detail: z.string().optional(),
  insteadOf: z.string().optional().describe("What a kept answer or a fallback stood in for"),
  cache: z.string().optional(),
  tier: z.string().optional(),
  staleMs: ms,
  admission: z
    .object({
      limit: z.number().describe("Seats"),
      inFlight: z.number().describe("Seats taken"),
      ahead: z.number().describe("Requests ahead of it in the queue"),
      estimateMs: z.number().describe("Milliseconds it was thought to have to wait"),
      capMs: z.number().describe("Milliseconds it might wait"),
      waitedMs: z.number().describe("Milliseconds it waited"),
    })
    .optional()
    .describe("What admission saw; absent when no seat was asked for"),
  durationMs: z.number(),
  dependencyMs: ms,
  whole: z.boolean().describe("Whether the answer reached its end"),
});

const listShape = z.object({
  processes: z.int().describe("That answered"),
  silent: z.int().describe("That did not answer in time and are missing here"),
  requests: z.array(decisionShape).describe("Newest first"),
});

const MOST_LISTED = 1000;
const LISTED = 50;

export const requests = (control: Control): readonly OpsCall[] => [list(control), one(control)];

const one = (control: Control): OpsCall => ({
  method: "GET",
  path: "/ops/requests/{id}",
  access: "read",
  summary: "Why a request got its answer: who decided, and by which numbers",
  answers: { 200: { description: "The decision", contentType: "application/json", schema: decisionShape } },
  async run({ params }) {
    const { decisions } = await control.decisions({ id: params["id"] ?? "", limit: 1 });
    const [found] = decisions;
    if (found) return { kind: "json", status: 200, body: shown(found) };
    const detail = `No request with this X-Request-Id is among the last ${REMEMBERED} of each process`;
    return { kind: "problem", status: 404, detail };
  },
});

const list = (control: Control): OpsCall => ({
  method: "GET",
  path: "/ops/requests",
  access: "read",
  summary: `Requests of late and why they got their answers, of the last ${REMEMBERED} of each process`,
  query: {
    outcome: "Only these: served, refused, failed, handed-on or tunnelled",
    reason: "Only what was refused or failed for this reason, or what something stood in for",
    route: "Only of this route",
    limit: `At most so many; default ${LISTED}, at most ${MOST_LISTED}`,
  },
  answers: { 200: { description: "The decisions", contentType: "application/json", schema: listShape } },
  async run({ query }) {
    const asked = readAsk(query);
    if (typeof asked === "string") return { kind: "problem", status: 422, detail: asked };
    const { decisions, processes, silent } = await control.decisions(asked);
    return { kind: "json", status: 200, body: { processes, silent, requests: decisions.map(shown) } };
  },
});

function readAsk(query: URLSearchParams): DecisionsAsk | string {
  const known = ["outcome", "reason", "route", "limit"];
  for (const name of query.keys()) {
    if (!known.includes(name)) return `${name}: expected one of ${known.join(", ")}`;
  }
  const limit = query.get("limit") ?? String(LISTED);
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST_LISTED) {
    return `limit: expected a whole number from 1 to ${MOST_LISTED}`;
  }
  const [outcome, reason, route] = [query.get("outcome"), query.get("reason"), query.get("route")];
  return { ...(outcome && { outcome }), ...(reason && { reason }), ...(route && { route }), limit: Number(limit) };
}

/** As operators see it: a path may hold what looks like a secret. */
const shown = (decision: Decision): object => ({
  ...decision,
  at: new Date(decision.at).toISOString(),
  path: redactText(decision.path),
});
