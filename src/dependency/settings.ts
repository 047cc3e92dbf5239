import { z } from "zod";
import { balanceSettings, ejectionSettings, healthSettings } from "./balance/settings.ts";
import { bytes, duration } from "../core/units.ts";
import { breakerSettings } from "./breaker/settings.ts";
import { retrySettings } from "./retry/settings.ts";

/** `http://host:port` or `https://host:port`, nothing behind it. */
const origin = z.string().refine((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || !/^(?:[\w.-]+|\[[\da-f:.]+\])$/.test(url.hostname)) return false;
  return url.pathname === "/" && !url.search && !url.hash && !url.username;
}, 'expected an origin such as "http://127.0.0.1:3001": scheme, host and port, no path');

const target = z.union([
  origin.transform((url) => ({ url, weight: 1 })),
  z.strictObject({
    url: origin.describe("Scheme, host and port, no path"),
    weight: z.number().min(0).max(1000).default(1).describe("Share of the traffic beside the other targets"),
  }),
]);

export const httpSettings = z.strictObject({
  targets: z
    .array(target)
    .min(1)
    .max(1000)
    .refine(
      (targets) => new Set(targets.map(({ url }) => new URL(url).origin)).size === targets.length,
      "names a target twice: every target has its own entry, and a weight where it is to get more",
    )
    .describe("Where it is: origins, or maps with a weight"),
  host: z.enum(["client", "target"]).default("client").describe("Host field sent on: the client's or the target's own"),
  maxConnections: z
    .int()
    .min(1)
    .max(65_535)
    .default(1024)
    .describe("Connections to one target a process; further requests wait for one"),
  ca: z
    .string()
    .optional()
    .describe("File of certificate authorities to trust for https targets, PEM; relative to the configuration file"),
  keepAlive: duration({ min: "1ms", max: "1h" })
    .prefault("4s")
    .describe("An idle connection is kept so long; a second less than the target announces, if it does"),
  balance: balanceSettings.describe("How requests are spread over several targets"),
  ejection: ejectionSettings.describe(
    "Targets that fail while others do not get nothing for a time, at most half of them at once. Failures: no connection, no answer or no valid one in time, 5xx but 501",
  ),
  resolveEvery: z
    .union([z.literal("off"), duration({ min: "1s", max: "1d" })])
    .prefault("30s")
    .describe(
      "Names of targets are looked up so often; connections to addresses that are gone end with their request. Connections are opened to where a name points then; while it cannot be resolved, to where it did",
    ),
  maxHead: bytes({ min: "1KiB", max: "1MiB" }).prefault("32KiB").describe("Head of an answer; more: 502"),
});

export const dependencySettings = z.strictObject({
  http: httpSettings.describe("HTTP/1.1 targets"),
  timeout: duration({ min: "1ms", max: "1h" })
    .prefault("4s")
    .describe(
      "Until the head of the answer, waiting for a connection and connecting included; not the wait for a seat, nor for the client to send more of a body",
    ),
  connectTimeout: duration({ min: "1ms", max: "5m" }).prefault("2s").describe("One connection attempt, TLS included"),
  bodyTimeout: duration({ min: "1ms", max: "1d" })
    .prefault("60s")
    .describe("Pause between two reads of the answer's body; event streams excepted"),
  breaker: breakerSettings,
  retry: retrySettings,
  health: healthSettings
    .default("off")
    .describe("Checks of every target beside the traffic, each on a connection of its own and counted by no limit"),
});

/** What its connections are made for; its breaker is apart. */
export type DependencySettings = Omit<z.output<typeof dependencySettings>, "breaker">;
