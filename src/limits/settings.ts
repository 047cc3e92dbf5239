import { z } from "zod";
import { isToken } from "../core/headers.ts";
import { duration } from "../core/units.ts";

const ruleName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "letters, digits, _ . - only, at most 64")
  .refine((name) => name !== "off", '"off" says that there is no rule: choose another name');

const part = z.union(
  [
    z.enum(["client", "tenant", "route"]),
    z.strictObject({ header: z.string().refine(isToken, "expected a header field name").describe("Of the request") }),
  ],
  { error: "expected client, tenant, route or { header: x-api-key }, or a list of them: [tenant, { header: x-app }]" },
);

/** What one counter of a rule is for: of a list, each combination has its own. */
export type KeyPart = z.output<typeof part>;

const ruleFields = {
  by: z
    .union([part, z.array(part).min(1).max(4)])
    .default("client")
    .describe(
      "Who has a counter of their own: client = an address, of IPv6 its /64, as listen.trustedProxies lets us know it; tenant; route; { header: x-api-key }, and a request without that field counts for its client. A list: each combination. A header is taken at its word, so who makes up keys has many counters: put a rule by client beside it",
    ),
  limit: z.int().min(1).max(1_000_000_000).optional().describe("Requests in a window. Absent: only `concurrent` holds"),
  window: duration({ min: "1s", max: "1d" })
    .refine((ms) => ms % 1000 === 0, 'expected whole seconds, such as "1s" or "90s"')
    .optional()
    .describe("Goes with `limit`. Whole seconds"),
  algorithm: z
    .enum(["fixed-window", "token-bucket"])
    .default("fixed-window")
    .describe(
      "fixed-window: a window begins with a key's first request and holds `limit`; across the edge of two there may be twice that. token-bucket: room for `burst`, refilled evenly with `limit` a window (GCRA)",
    ),
  burst: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .describe("Requests at once, with token-bucket. Absent: `limit`. No window ever sees more than `burst` + `limit`"),
  concurrent: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe(
      "Requests of one key under way at a time, each until the last octet of its answer is out. For one instance, its workers have equal shares",
    ),
  exact: z
    .boolean()
    .default(false)
    .describe(
      "With redis: ask it for every request, and never let more than `limit` through. Else a few requests of a key pass before it is asked, and then several are taken in advance: a twentieth more than `limit` at most, in a few calls",
    ),
  fail: z
    .enum(["local", "open", "closed"])
    .default("local")
    .describe(
      "While redis cannot be asked: local = each process counts by itself, with its share of `limit`; open = all pass; closed = none does",
    ),
  mode: z
    .enum(["enforce", "shadow", "off"])
    .default("enforce")
    .describe("shadow: count what would be refused, refuse nothing, tell clients nothing"),
  headers: z.boolean().default(true).describe("Tell clients in RateLimit and RateLimit-Policy"),
  keys: z
    .int()
    .min(1024)
    .max(16_777_216)
    .default(131_072)
    .describe(
      "Counters a process has room for, 28 octets each, rounded up to a power of two; who has used the least of its limit gives way to another",
    ),
};

/** What no field says by itself. */
function checkRule(rule: z.output<typeof bareRule>, context: z.RefinementCtx): void {
  const tell = (path: string, message: string): void => context.addIssue({ code: "custom", path: [path], message });
  const { limit, window, concurrent, burst, algorithm } = rule;
  if (limit === undefined && concurrent === undefined) {
    tell("limit", "is missing: a rule has a limit with a window, or concurrent, or both");
  }
  if (limit !== undefined && window === undefined) tell("window", 'is missing: a limit is for a time, such as "1s"');
  if (limit === undefined && window !== undefined) tell("window", "has no effect without a limit: take it out");
  if (burst !== undefined && algorithm !== "token-bucket") {
    tell("burst", "has no effect on a fixed window: take it out, or write algorithm: token-bucket");
  }
}

const bareRule = z.strictObject(ruleFields);
const ownRule = z.strictObject({
  name: ruleName
    .optional()
    .describe("In RateLimit fields, metrics and Redis keys; absent: the route's name, with -2, -3 for further ones"),
  ...ruleFields,
});

/** The key `rateLimits`: rules that routes name, one set of counters each for all of its routes. */
export const rateLimitsSettings = z
  .record(ruleName, bareRule.superRefine(checkRule))
  .default({})
  .describe("Client quotas that several routes share, each under a name of its own");

const ownOrNamed = z.union([ownRule.superRefine(checkRule), ruleName], {
  error: "expected a rule, such as { by: client, limit: 100, window: 1s }, or a name under rateLimits",
});

/** The key `routes[].rateLimit`. */
export const routeRateLimitSettings = z
  .union([ownOrNamed, z.array(ownOrNamed).min(1).max(8), z.literal("off")])
  .optional()
  .describe("Client quotas: a rule, a name under rateLimits, or a list of them, of which the first that refuses does");

/** A rule that is in force somewhere. */
export type Rule = z.output<typeof bareRule> & { readonly name: string };

type RouteRateLimit = z.output<typeof routeRateLimitSettings>;

/** The name of a route's own rule when it was given none; `index` from 0 in its list. */
export const unnamedRule = (route: string, index: number): string => (index === 0 ? route : `${route}-${index + 1}`);

/** The rules of one route in their order, those that are off left out. A name that is not there is left out, too. */
export function rulesOf(
  route: { readonly name: string; readonly rateLimit?: RouteRateLimit },
  named: z.output<typeof rateLimitsSettings>,
): readonly Rule[] {
  const { rateLimit } = route;
  if (rateLimit === undefined || rateLimit === "off") return [];
  return [rateLimit]
    .flat()
    .flatMap((entry, index): readonly Rule[] => {
      if (typeof entry !== "string") return [{ ...entry, name: entry.name ?? unnamedRule(route.name, index) }];
      const rule = named[entry];
      return rule ? [{ ...rule, name: entry }] : [];
    })
    .filter(({ mode }) => mode !== "off");
}
