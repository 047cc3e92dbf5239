import { z } from "zod";
import { isToken } from "../core/headers.ts";
import { duration } from "../core/units.ts";

/** Priority classes, most important first. */
export const CLASSES = ["system", "critical", "default", "sheddable", "bulk"] as const;

const fieldName = z.string().refine(isToken, "expected a header field name");
const cls = z.enum(CLASSES);
const secret = z.string().min(32, "at least 32 characters: openssl rand -hex 32").max(512);
const method = z.string().regex(/^[A-Z][A-Z-]*$/, "expected a method in capitals, such as OPTIONS");

const tenantSource = z.union(
  [
    z.strictObject({ claim: z.string().min(1).describe("A claim of the verified token in Authorization") }),
    z.strictObject({ header: fieldName.describe("A field; counts only from peers in listen.trustedProxies") }),
    z.strictObject({
      apiKey: fieldName.describe(
        "A field with an API key, kept as a hash only. Nobody checks it here: who makes up keys has as many tenants",
      ),
    }),
  ],
  { error: "expected { claim: org }, { header: x-tenant } or { apiKey: x-api-key }" },
);

/** `priority`: where classes, tenants and cohorts come from, beside what routes say. */
export const prioritySettings = z
  .strictObject({
    secret: secret
      .optional()
      .describe(
        "Takes a class from Spillway-Class where this secret has signed it, before all other sources; from the environment. Absent: the field says nothing",
      ),
    previousSecrets: z
      .array(secret)
      .max(4)
      .default([])
      .describe("Former secrets that are still accepted, while a new one is brought in"),
    claim: z
      .strictObject({
        name: z.string().min(1).default("prio").describe("The claim of the verified token"),
        map: z
          .record(z.string(), cls)
          .optional()
          .describe(
            "Value of the claim, such as a plan, to class. Absent: the value is the class, unless that is system",
          ),
      })
      .optional()
      .describe("Takes a class from a token that identity verifies. Absent: tokens say nothing of it"),
    tenants: z
      .record(z.string(), cls)
      .default({})
      .describe("Class by tenant, of those that a claim or a trusted peer's field names"),
    tenant: z
      .array(tenantSource)
      .max(4)
      .default([])
      .describe("Who a request counts for: the first that says so. Else the client's address, IPv6 by its /64"),
    methods: z
      .record(method, cls)
      .default({})
      .describe("Class by method, on routes without a priority; a method that is not named: default"),
    trustPriority: z
      .boolean()
      .optional()
      .describe(
        "Whose Priority (RFC 9218) may raise a class, to critical at most: true = every client's, false = nobody's. Absent: that of peers in listen.trustedProxies; browsers send u=0 and most proxies pass it on: say false behind one that does. All may lower it",
      ),
    cohort: z
      .strictObject({
        salt: z
          .string()
          .min(16, "at least 16 characters: openssl rand -hex 16")
          .max(512)
          .optional()
          .describe(
            "Secret from which a tenant's cohort is made, the same in all instances of a fleet. Absent: one made at start",
          ),
        rotate: duration({ min: "1m", max: "1d" })
          .prefault("1h")
          .describe("So often tenants change places, so that no one is always the first to give way"),
      })
      .prefault({})
      .describe(
        "Places inside a class, 0 to 127: who used least lately comes first, else by a salted hash of the tenant",
      ),
  })
  .refine(({ secret, previousSecrets }) => secret !== undefined || previousSecrets.length === 0, {
    path: ["previousSecrets"],
    error: "there is no secret beside them: nothing is accepted without one",
  })
  .prefault({});

export type PrioritySettings = z.output<typeof prioritySettings>;
