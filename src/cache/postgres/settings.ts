import { z } from "zod";
import { bytes, duration } from "../../core/units.ts";

/** An identifier that leaves room for the ending of an index name within PostgreSQL's 63 octets. */
const name = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,39}$/, "expected a name: a letter or _, then letters, digits and _, 40 at most");

/** `cache.postgres`: a table of kept answers that all instances share and that outlives them. */
export const postgresSettings = z.strictObject({
  url: z
    .string()
    .refine((text) => /^postgres(ql)?:\/\/./.test(text) && URL.canParse(text), {
      error:
        "expected postgres://user:password@host:5432/database, special characters of the password percent-encoded, got another text, not shown because it may hold a password",
    })
    .describe("Where it is, as libpq has it; with a password, from the environment: ${DATABASE_URL}"),
  schema: name.optional().describe("Of the table, created when missing; absent: where the search path leads"),
  table: name.default("spillway_cache").describe("Created when missing, unlogged: a crash of the server empties it"),
  maxConnections: z
    .int()
    .min(1)
    .max(64)
    .default(4)
    .describe("Connections of a process at most, beside one for the upkeep of the table"),
  deadline: duration({ min: "1ms", max: "5s" })
    .prefault("20ms")
    .describe("A request waits so long for it and then goes on without"),
  maxBytes: bytes({ min: "1MiB", max: "1024GiB" })
    .prefault("1GiB")
    .describe("What the table may hold; beyond it the least recently used rows go, within a minute"),
});

export type PostgresSettings = z.output<typeof postgresSettings>;
