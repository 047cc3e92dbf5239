import { z } from "zod";
import { bytes, duration } from "../core/units.ts";

/** An address block: `10.0.0.0/8`, `2001:db8::/32` or a bare address. */
const cidr = z.string().regex(/^[0-9a-fA-F:.]+(\/\d{1,3})?$/, "expected an address block such as 10.0.0.0/8 or ::1");

export const tlsSettings = z.strictObject({
  cert: z.string().describe("File of the certificate chain, PEM; relative to the configuration file"),
  key: z.string().describe("File of the private key, PEM; relative to the configuration file"),
  http2: z.boolean().default(true).describe("Offer HTTP/2 by ALPN beside HTTP/1.1"),
});

export const listenSettings = z
  .strictObject({
    host: z.string().default("0.0.0.0").describe("Address to listen on"),
    port: z.int().min(0).max(65535).default(8080).describe("0 takes any free port"),
    workers: z
      .union([z.int().min(1).max(128), z.literal("auto")])
      .default(1)
      .describe("Processes that share the port; auto = one a CPU"),
    tls: tlsSettings.optional().describe("Serve HTTPS; absent: plain HTTP"),
    h2c: z.boolean().default(false).describe("Plain-text HTTP/2 with prior knowledge instead of HTTP/1.1"),
    trustedProxies: z
      .array(cidr)
      .default([])
      .describe("Peers that may set X-Forwarded-*, Forwarded and X-Request-Id, and raise a Priority"),
    name: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/, "letters, digits, _ . - only")
      .optional()
      .describe("Our name in Via and CDN-Loop; absent: one made at start"),
    headTimeout: duration({ min: "10ms", max: "10m" }).prefault("5s").describe("A client's whole head"),
    bodyTimeout: duration({ min: "10ms", max: "1h" })
      .prefault("30s")
      .describe("Pause between two reads of a client's body"),
    bodyRate: bytes()
      .prefault("1KiB")
      .describe("Least octets a second of a client's body, averaged, after 5 s of grace; 0B: none"),
    writeTimeout: duration({ min: "10ms", max: "1h" })
      .prefault("5s")
      .describe("A client that takes nothing of its answer for so long is cut"),
    requestTimeout: duration({ min: "10ms", max: "7d" })
      .prefault("1h")
      .describe("Whole exchange, streams and tunnels excepted"),
    keepAlive: duration({ min: "0ms", max: "1h" })
      .prefault("60s")
      .describe("An idle client connection is kept so long"),
    maxHead: bytes({ min: "1KiB", max: "1MiB" }).prefault("32KiB").describe("Request line and fields; more: 431"),
    maxBody: bytes().prefault("100MiB").describe("Body of a request; more: 413"),
    maxMemory: bytes({ min: "64MiB" })
      .optional()
      .describe(
        "Memory of a process, from 80 % of which requests are refused; absent: the container's limit, shared by the workers",
      ),
    saturation: z
      .enum(["enforce", "shadow", "off"])
      .default("enforce")
      .describe(
        "Refuse by class while the process has more to do than its processor can; shadow: only count what would be refused",
      ),
    maxConnections: z
      .int()
      .min(1)
      .default(20_000)
      .describe("Open client connections a process; more are closed on arrival"),
    maxOutstanding: z
      .int()
      .min(1)
      .max(1000)
      .default(64)
      .describe("Requests in flight on one connection; a connection with more is cut"),
    accessLog: z
      .union([
        z.boolean(),
        z.strictObject({ sample: z.number().min(0).max(1).describe("Share of the served ones, 0 to 1") }),
      ])
      .default(true)
      .describe("One line a request; { sample: 0.01 } keeps a share of the served ones and everything else"),
    serverTiming: z.boolean().default(false).describe("Tell clients in Server-Timing where the time went"),
  })
  .prefault({});

export const drainSettings = z
  .strictObject({
    delay: duration({ max: "10m" })
      .prefault("5s")
      .describe("Not ready, yet still serving, so that load balancers notice"),
    timeout: duration({ max: "1h" })
      .prefault("20s")
      .describe("Then open exchanges and streams have so long to finish before they are cut"),
  })
  .prefault({});

export type ListenSettings = z.output<typeof listenSettings>;
export type DrainSettings = z.output<typeof drainSettings>;
