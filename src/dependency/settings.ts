import { z } from "zod";
import { notYet } from "../core/not-yet.ts";
import { bytes, duration } from "../core/units.ts";
import { breakerSettings } from "./breaker/settings.ts";

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
  targets: z.array(target).min(1).max(1000).describe("Where it is: origins, or maps with a weight"),
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
  retry: notYet("retry budget"),
  health: notYet("active health check"),
});

/** What its connections are made for; its breaker is apart. */
export type DependencySettings = Omit<z.output<typeof dependencySettings>, "breaker">;
