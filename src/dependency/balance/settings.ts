import { z } from "zod";
import { duration } from "../../core/units.ts";

const fieldName = z.string().regex(/^[!#$%&'*+.^`|~\w-]{1,64}$/, "expected the name of a field or cookie");

const hashed = z.union([
  z.literal("client"),
  z.strictObject({ header: fieldName.describe("Field whose value tells who belongs together") }),
  z.strictObject({ cookie: fieldName.describe("Cookie whose value tells who belongs together") }),
]);

export const balanceSettings = z
  .strictObject({
    by: z
      .union([
        z.enum(["least-loaded", "weighted"]),
        z.strictObject({ hash: hashed.describe("Requests that have this in common get the same target") }),
      ])
      .default("least-loaded")
      .describe(
        "Which target gets a request. least-loaded: of two drawn by weight the one with less latency x requests in flight; weighted: by weight alone; hash: the same target for the same client address, field or cookie, the next one where that has a quarter more than its share; without the field or cookie as least-loaded",
      ),
    slowStart: duration({ max: "1h" })
      .prefault("30s")
      .describe("A target that is new or back gets a tenth of its share and so long until all of it; 0s: at once"),
    panic: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe("When less than this share of the targets is usable, all are used"),
  })
  .prefault({});

export type BalanceSettings = z.output<typeof balanceSettings>;

export const ejectionSettings = z
  .union([
    z.literal("off"),
    z.strictObject({
      consecutive: z.int().min(1).max(1000).default(5).describe("Failures in a row"),
      errorRate: z
        .number()
        .gt(0)
        .max(1)
        .default(0.5)
        .describe("Share of failures among the answers of about ten seconds"),
      minimumCalls: z.int().min(1).max(100_000).default(20).describe("Answers of that time that errorRate needs"),
      for: duration({ min: "1ms", max: "1h" })
        .prefault("10s")
        .describe("How long it gets nothing; twice as long each time it fails again soon after"),
      most: duration({ min: "1ms", max: "1d" }).prefault("5m").describe("The longest that this becomes"),
    }),
  ])
  .prefault({});

export type EjectionSettings = z.output<typeof ejectionSettings>;

const status = z.int().min(200).max(599);

export const healthSettings = z.union([
  z.literal("off"),
  z.strictObject({
    path: z
      .string()
      .regex(/^\/[!-~]{0,1023}$/, 'expected a path such as "/healthz"')
      .describe("What is asked of every target, by GET"),
    interval: duration({ min: "100ms", max: "1h" })
      .prefault("5s")
      .describe("Between two checks of a target, give or take a tenth"),
    timeout: duration({ min: "10ms", max: "5m" })
      .prefault("2s")
      .describe("Until the answer is here whole, connecting included"),
    healthy: z.int().min(1).max(100).default(2).describe("Good checks in a row that bring a target back"),
    unhealthy: z.int().min(1).max(100).default(3).describe("Bad checks in a row that take a target out"),
    statuses: z.array(status).min(1).max(100).optional().describe("Statuses that are good; absent: 200 to 299"),
  }),
]);

export type HealthSettings = Exclude<z.output<typeof healthSettings>, "off">;
