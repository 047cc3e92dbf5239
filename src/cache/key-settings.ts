import { z } from "zod";
import { isToken } from "../core/headers.ts";

const fieldName = z.string().refine(isToken, "expected a header field name");
const cookieName = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, "expected a cookie's name");
const parameter = z.string().regex(/^[!-~]+$/, 'expected a parameter of the query, or the beginning of some: "utm_*"');

const sources = z.union(
  [
    z.strictObject({ header: fieldName.describe("A field of the request") }),
    z.strictObject({ cookie: cookieName.describe("A cookie") }),
    z.strictObject({ claim: z.string().min(1).describe("A claim of the verified token in Authorization") }),
    z.enum(["user", "role"]),
  ],
  { error: 'expected { header: x-tenant }, { cookie: currency }, { claim: plan }, "user" or "role"' },
);

/** What of a request, beside its URL, answers are kept under, and what of it the dependency sees. */
export const keySettings = {
  varyBy: z
    .array(sources)
    .min(1)
    .max(8)
    .optional()
    .describe(
      "What answers depend on beside the URL: { header }, { cookie }, { claim }, user or role. Each value has its own; a request without one of them passes by and nothing is kept of it. With user, role or a claim, requests whose token cache.identity verifies share the answers of their value",
    ),
  query: z
    .strictObject({
      ignore: z.array(parameter).min(1).max(64).optional().describe('Left out, such as "utm_*" and "fbclid"'),
      only: z.array(parameter).min(1).max(64).optional().describe("All others are left out"),
      sort: z.boolean().default(false).describe("In the order of their names"),
    })
    .refine(({ ignore, only }) => ignore === undefined || only === undefined, {
      path: ["only"],
      error: "leaves all others out already: give one of ignore and only",
    })
    .optional()
    .describe(
      "Which parameters of the query count; what is left out does not reach the dependency. Absent: all, as sent",
    ),
  cookieIrrelevant: z
    .union([z.literal(true), z.array(cookieName).min(1).max(64)])
    .optional()
    .describe(
      'Cookies that answers do not depend on, all or by name ("_ga*"): the dependency does not see them, and a request with no others is like one without. Absent: none',
    ),
  setCookie: z
    .enum(["pass", "strip"])
    .default("pass")
    .describe("An answer that sets a cookie: pass = is not kept; strip = is kept without it, and nobody gets it"),
  requestFields: z
    .union([z.literal("all"), z.array(fieldName).max(64)])
    .default([])
    .describe(
      "Fields of requests that the dependency may see when an answer is to be kept, beside Accept*, what its Vary names and what varyBy keeps answers under: any other could make an answer that is wrong for all. all = every field, and answers to requests with Authorization or Cookie may be kept where they say public: only for dependencies whose Vary can be trusted",
    ),
};

const shape = z.strictObject(keySettings);
export type KeySettings = z.output<typeof shape>;
