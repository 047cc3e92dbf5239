import { z } from "zod";
import { duration } from "../core/units.ts";

/** One node's address; undefined when the text is none. Messages never repeat it: it may hold a password. */
function addressOf(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^rediss?:$/.test(url.protocol) || url.hostname === "" || url.search || url.hash) return undefined;
  return url;
}

const databaseOf = (text: string): string => addressOf(text)?.pathname.replace(/^\//, "") ?? "";

const single = z
  .string()
  .refine(
    (text) => addressOf(text) !== undefined && /^\d{0,4}$/.test(databaseOf(text)),
    'expected an address such as "redis://127.0.0.1:6379" or "rediss://user:password@cache.example:6380/0"',
  );

const node = z
  .string()
  .refine(
    (text) => addressOf(text) !== undefined && databaseOf(text) === "",
    'expected an address such as "redis://10.0.0.1:6379", without a database number',
  );

/** All with TLS or none: one answer of a node names the others, and says nothing of TLS. */
const nodes = z
  .array(node)
  .min(1)
  .max(100)
  .refine(
    (all) => new Set(all.map((text) => addressOf(text)?.protocol)).size < 2,
    "either all redis:// or all rediss://",
  );

/** The key `redis`: one server, a cluster, or a master that sentinels know. */
export const redisSettings = z
  .strictObject({
    url: single
      .optional()
      .describe(
        "One server: redis://[user:password@]host[:port][/database], rediss:// for TLS. One of url, cluster, sentinels",
      ),
    cluster: nodes
      .optional()
      .describe(
        "Nodes of a Redis Cluster, some of which are there at the start; the credentials of the first are for all",
      ),
    sentinels: z
      .strictObject({
        hosts: nodes.describe(
          "Addresses of sentinels, port 26379 unless told; credentials in them are the sentinels' own",
        ),
        name: z.string().min(1).max(200).describe("What the sentinels call the master, such as mymaster"),
        username: z.string().min(1).optional().describe("Of the master and its replicas"),
        password: z.string().min(1).optional().describe("Of the master and its replicas"),
      })
      .optional()
      .describe("A master and its replicas, found through sentinels"),
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9._:-]{1,64}$/, "a prefix has letters, digits, . _ : - only, 64 at most")
      .default("spillway")
      .describe(
        "Begins every key and channel: gateways with the same prefix share them, deployments with others do not",
      ),
    ca: z
      .string()
      .optional()
      .describe("File of certificate authorities to trust for rediss://, PEM; relative to the configuration file"),
    deadline: duration({ min: "1ms", max: "400ms" })
      .prefault("20ms")
      .describe("A request waits so long for Redis and then goes on without"),
    connectTimeout: duration({ min: "10ms", max: "30s" })
      .prefault("500ms")
      .describe("One connection attempt; attempts are at least a second apart"),
  })
  .superRefine(({ url, cluster, sentinels, ca }, ctx) => {
    const ways = [url, cluster, sentinels].filter((way) => way !== undefined).length;
    if (ways !== 1) {
      const given = ways === 0 ? "none is there" : `${ways} are there`;
      ctx.addIssue({ code: "custom", message: `expected exactly one of url, cluster and sentinels: ${given}` });
    }
    const first = url ?? cluster?.[0] ?? sentinels?.hosts[0];
    if (ca !== undefined && first !== undefined && addressOf(first)?.protocol !== "rediss:") {
      ctx.addIssue({
        code: "custom",
        path: ["ca"],
        message: "has no effect without TLS: write rediss:// or take it out",
      });
    }
  })
  .optional()
  .describe("A Redis that gateways share; absent: each keeps to itself");

export type RedisSettings = NonNullable<z.output<typeof redisSettings>>;

/** An address and the credentials in it. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Database number. */
  readonly db: number;
}

/** `fallbackPort` where the address names none. */
export function redisNode(text: string, fallbackPort = 6379): RedisNode {
  const { protocol, hostname, port, username, password, pathname } = new URL(text);
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? fallbackPort : Number(port),
    tls: protocol === "rediss:",
    username: username === "" ? undefined : decodeURIComponent(username),
    password: password === "" ? undefined : decodeURIComponent(password),
    db: Number(pathname.slice(1)),
  };
}
