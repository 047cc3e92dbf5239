import { z } from "zod";

const role = z.enum(["read", "operate", "admin"]);

/** Fewest characters of a token. */
export const MIN_TOKEN = 32;

export const opsSettings = z
  .strictObject({
    host: z.string().default("127.0.0.1").describe("Beyond loopback only with a token"),
    port: z.int().min(0).max(65535).default(9901).describe("0 takes any free port"),
    hosts: z
      .array(z.string().regex(/^[A-Za-z0-9.-]{1,253}(:\d{1,5})?$/, 'expected a name such as "ops.example.org:9901"'))
      .default([])
      .describe(
        "Further names it is called by; without a port: our own port. Loopback and its own address always pass",
      ),
    tokens: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(/^[A-Za-z0-9_.-]{1,64}$/, "letters, digits, _ . - only")
            .describe("Shown in the audit"),
          role: role.describe("read: look; operate: also steer; admin: also reload and drain"),
          token: z
            .string()
            .min(MIN_TOKEN, "a token needs at least 32 characters: openssl rand -hex 32")
            .max(512)
            .describe("The secret itself: take it from the environment"),
        }),
      )
      .default([])
      .describe("Who may call. Without any, only loopback may, as admin"),
  })
  .prefault({});

export type OpsSettings = z.output<typeof opsSettings>;
export type OpsRole = z.output<typeof role>;
