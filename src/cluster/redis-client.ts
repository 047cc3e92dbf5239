import type { Cluster, Redis as Single, RedisOptions } from "ioredis";
import { redisNode, type RedisNode, type RedisSettings } from "./settings.ts";

/** A client of one connection, or of one connection a node. Made anew for each attempt: it never comes back by itself. */
export type RedisClient = Single | Cluster;

type Module = Pick<typeof import("ioredis"), "Redis" | "Cluster">;
type Options = Omit<RedisOptions, "replyMapping">;

/** What differs from link to link. */
export interface ClientFacts {
  /** Name of the connection in CLIENT LIST. */
  readonly name: string;
  /** Certificate authorities, PEM. */
  readonly ca: string | undefined;
}

/** Milliseconds without an octet while a reply is due, after which the server counts as hung and the connection is cut. */
export const LONGEST_SILENCE = 500;
/** Milliseconds that a connection that was ended has until it is destroyed. */
const LINGER = 50;
/** Milliseconds between two looks at a server that loads its data. */
const LOADING_LOOK = 500;
/** Milliseconds between two looks at the slots of a cluster. */
const SLOTS_LOOK = 1000;

/**
 * Loads the client library, of 20 MB, and gives what makes clients that are not connected yet. `onReadOnly`: a write met
 * a replica; whether to connect anew.
 */
export async function loadClients(
  settings: RedisSettings,
): Promise<(facts: ClientFacts, onReadOnly: () => boolean) => RedisClient> {
  const module: Module = await import("ioredis");
  return (facts, onReadOnly) => {
    const { url, cluster, sentinels } = settings;
    if (cluster) return clusterClient(module, cluster, settings, facts);
    const own = { ...common(settings, facts), reconnectOnError: readOnlyGuard(onReadOnly) };
    if (sentinels) return new module.Redis({ ...own, ...sentinelOptions(sentinels, facts) });
    return new module.Redis({ ...own, ...nodeOptions(redisNode(url!), facts) });
  };
}

/** Fails at once while there is no connection; keeps nothing for later; never connects by itself a second time. */
const common = (settings: RedisSettings, { name }: ClientFacts): Options => ({
  // RESP3 would bring nothing but pushes, which the client drops.
  protocol: 2,
  lazyConnect: true,
  connectTimeout: settings.connectTimeout,
  socketTimeout: LONGEST_SILENCE,
  disconnectTimeout: LINGER,
  maxLoadingRetryTime: LOADING_LOOK,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  retryStrategy: null,
  connectionName: name,
  disableClientInfo: true,
});

const nodeOptions = ({ host, port, tls, username, password, db }: RedisNode, facts: ClientFacts): Options => ({
  host,
  port,
  db,
  ...credentials(username, password),
  ...(tls ? { tls: tlsOptions(facts, host) } : {}),
});

const credentials = (username: string | undefined, password: string | undefined): Options => ({
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
});

const tlsOptions = ({ ca }: ClientFacts, servername?: string) => ({
  ...(ca === undefined ? {} : { ca }),
  ...(servername === undefined || /^[\d.:a-f]+$/i.test(servername) ? {} : { servername }),
});

function sentinelOptions(sentinels: NonNullable<RedisSettings["sentinels"]>, facts: ClientFacts): Options {
  const hosts = sentinels.hosts.map((text) => redisNode(text, 26_379));
  const { tls, username, password } = hosts[0]!;
  return {
    sentinels: hosts.map(({ host, port }) => ({ host, port })),
    name: sentinels.name,
    sentinelRetryStrategy: () => null,
    sentinelCommandTimeout: LONGEST_SILENCE,
    failoverDetector: true,
    ...credentials(sentinels.username, sentinels.password),
    ...(username === undefined ? {} : { sentinelUsername: username }),
    ...(password === undefined ? {} : { sentinelPassword: password }),
    ...(tls ? { sentinelTLS: tlsOptions(facts), tls: tlsOptions(facts), enableTLSForSentinelMode: true } : {}),
  };
}

function clusterClient({ Cluster }: Module, addresses: readonly string[], settings: RedisSettings, facts: ClientFacts) {
  const known = addresses.map((text) => redisNode(text));
  const { username, password, tls } = known[0]!;
  const { lazyConnect, retryStrategy, enableOfflineQueue, ...redisOptions } = common(settings, facts);
  const options = {
    lazyConnect: lazyConnect!,
    enableOfflineQueue: enableOfflineQueue!,
    clusterRetryStrategy: retryStrategy!,
    // A call that cannot be routed now fails now: the caller's deadline is shorter than any failover.
    maxRedirections: 4,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 5,
    slotsRefreshTimeout: LONGEST_SILENCE,
    slotsRefreshInterval: SLOTS_LOOK,
    redisOptions: { ...redisOptions, ...credentials(username, password), ...(tls ? { tls: tlsOptions(facts) } : {}) },
    // The name as it is, so that a certificate can be held against it.
    ...(tls ? { dnsLookup: asItIs } : {}),
  };
  return new Cluster(
    known.map(({ host, port }) => ({ host, port })),
    options,
  );
}

const asItIs = (host: string, done: (error: null, address: string) => void): void => done(null, host);

/** A master that became a replica refuses writes: only a new connection may find the new master. */
const readOnlyGuard =
  (onReadOnly: () => boolean) =>
  (error: Error): boolean =>
    error.message.startsWith("READONLY") && onReadOnly();

/** What the library keeps of a connection, as far as strays go. */
interface Inner {
  readonly stream: { destroy(error: Error): void };
  readonly commandQueue: { shift(): unknown };
  flushQueue(...how: readonly unknown[]): void;
}

const STRAY = { command: { name: "", args: [], resolve() {}, reject() {} } };

/**
 * Ends a connection on which a reply comes that nobody asked for: what follows could be taken for the reply to something
 * else, and the library throws over an empty one where nobody can catch it.
 */
export function cutOnStrayReply(client: Single): void {
  const inner = client as unknown as Inner;
  const flush = inner.flushQueue.bind(inner);
  let flushing = false;
  inner.flushQueue = (...how) => {
    flushing = true;
    flush(...how);
    flushing = false;
  };
  client.on("connect", () => {
    const { stream, commandQueue } = inner;
    const take = commandQueue.shift.bind(commandQueue);
    commandQueue.shift = () => {
      const item = take();
      if (item !== undefined || flushing) return item;
      stream.destroy(new Error("a reply came that nobody had asked for"));
      return STRAY;
    };
  });
}
