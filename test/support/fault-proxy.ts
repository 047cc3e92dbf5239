import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { deadPort, listen, stopListening } from "./raw-origin.ts";

/** What a {@link FaultProxy} does to the octets that pass, on open connections and new ones. */
export type Fault =
  | { readonly kind: "none" }
  /** Every octet arrives this much later, each way. */
  | { readonly kind: "latency"; readonly ms: number }
  /** Each way of each connection. */
  | { readonly kind: "bandwidth"; readonly bytesPerSecond: number }
  /** Open connections get a RST now, new ones once they are accepted. */
  | { readonly kind: "reset" }
  /** Accepts, reads, passes nothing on. What was swallowed is lost: those connections are reset by the next `set`. */
  | { readonly kind: "black-hole" }
  /** The client gets a FIN, while its octets still reach the origin. */
  | { readonly kind: "half-close" }
  /** The client gets a FIN after this many octets of answers on its connection, counted from its start. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** Does not listen: a connect is refused. Open connections go on. */
  | { readonly kind: "refuse" };

export interface FaultProxy extends AsyncDisposable {
  /** Stays the same for its whole life, through `refuse` too. */
  readonly port: number;
  readonly url: string;
  /** Resolves when the fault is in force. One at a time: the last one replaces the one before. */
  set(fault: Fault): Promise<void>;
  /** Connections ever accepted. */
  readonly connections: number;
  /** Connections that stand now. */
  readonly open: number;
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly origin: Socket;
  /** Octets that went to the client. */
  answered: number;
  state: "passing" | "swallowed" | "cut";
}

type Way = "to-origin" | "to-client";

/** Octets that are passed on at once under `bandwidth`: a tenth of a second of them, at least one. */
const slice = (bytesPerSecond: number): number => Math.max(1, Math.floor(bytesPerSecond / 10));

/** Octets one way of one link may hold back before it stops reading. */
const HELD_AT_MOST = 1024 * 1024;

/** Stands between a client and 127.0.0.1:`targetPort`. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const links = new Set<Link>();
  let fault: Fault = { kind: "none" };
  let connections = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    connections += 1;
    const origin = connect({ port: targetPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const link: Link = { client, origin, answered: 0, state: "passing" };
    links.add(link);
    tie(link, () => links.delete(link));
    if (fault.kind === "reset") return resetLink(link);
    pump(link, "to-origin", () => fault);
    pump(link, "to-client", () => fault);
    if (fault.kind === "half-close") client.end();
  });
  // It may be closed and taken again: not one that somebody gets by chance meanwhile.
  const port = await listen(server, await deadPort());
  const set = async (next: Fault): Promise<void> => {
    const before = fault;
    fault = next;
    for (const link of links) {
      if (next.kind === "reset" || (link.state === "swallowed" && next.kind !== "black-hole")) resetLink(link);
      else if (next.kind === "half-close") link.client.end();
    }
    if (next.kind === "refuse" && before.kind !== "refuse") stopAccepting();
    if (next.kind !== "refuse" && before.kind === "refuse") await listen(server, port);
  };
  const stopAccepting = (): void => void server.close();
  const close = async (): Promise<void> => {
    for (const { client, origin } of links) {
      client.destroy();
      origin.destroy();
    }
    await stopListening(server);
  };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    set,
    get connections() {
      return connections;
    },
    get open() {
      return links.size;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function resetLink({ client, origin }: Link): void {
  client.resetAndDestroy();
  origin.resetAndDestroy();
}

/** An error or an end without FIN on one side ends the other side alike. */
function tie(link: Link, whenOver: () => void): void {
  const { client, origin } = link;
  const over = (one: Socket, other: Socket, failed: boolean): void => {
    const unfinished = failed || !one.readableEnded;
    if (unfinished && link.state !== "cut" && !other.destroyed) other.resetAndDestroy();
    if (client.destroyed && origin.destroyed) whenOver();
  };
  client.on("error", () => {});
  origin.on("error", () => {});
  client.on("close", (failed) => over(client, origin, failed));
  origin.on("close", (failed) => over(origin, client, failed));
}

/** Passes one way of a link on, as the fault of the moment says. FIN travels behind the octets before it. */
function pump(link: Link, way: Way, current: () => Fault): void {
  const [from, to] = way === "to-origin" ? [link.client, link.origin] : [link.origin, link.client];
  let tail: Promise<void> = Promise.resolve();
  let held = 0;
  from.on("data", (chunk: Buffer) => {
    const arrivedAt = performance.now();
    held += chunk.length;
    if (held > HELD_AT_MOST) from.pause();
    tail = tail.then(async () => {
      await pass(link, way, to, chunk, arrivedAt, current);
      held -= chunk.length;
      if (held <= HELD_AT_MOST && from.isPaused()) from.resume();
    });
  });
  from.on("end", () => {
    const arrivedAt = performance.now();
    tail = tail.then(async () => {
      const fault = current();
      if (fault.kind === "black-hole") link.state = "swallowed";
      else if (fault.kind === "latency") await sleep(remaining(arrivedAt, fault.ms));
      if (link.state !== "swallowed" && !to.writableEnded) to.end();
    });
  });
}

async function pass(
  link: Link,
  way: Way,
  to: Socket,
  chunk: Buffer,
  arrivedAt: number,
  current: () => Fault,
): Promise<void> {
  const fault = current();
  if (fault.kind === "black-hole" || link.state === "swallowed") {
    link.state = "swallowed";
    return;
  }
  if (fault.kind === "latency") await sleep(remaining(arrivedAt, fault.ms));
  if (fault.kind === "bandwidth") return passSlowly(link, way, to, chunk, current);
  await write(link, way, to, chunk, fault);
}

/** Slices, a tenth of a second apart; goes over to full speed when the fault is lifted on the way. */
async function passSlowly(link: Link, way: Way, to: Socket, chunk: Buffer, current: () => Fault): Promise<void> {
  for (let at = 0; at < chunk.length && to.writable;) {
    const fault = current();
    const octets = fault.kind === "bandwidth" ? slice(fault.bytesPerSecond) : chunk.length - at;
    const part = chunk.subarray(at, at + octets);
    if (fault.kind === "bandwidth") await sleep((part.length / fault.bytesPerSecond) * 1000);
    await write(link, way, to, part, fault);
    at += octets;
  }
}

async function write(link: Link, way: Way, to: Socket, chunk: Buffer, fault: Fault): Promise<void> {
  if (!to.writable) return;
  let part = chunk;
  if (way === "to-client") {
    if (fault.kind === "cut") part = chunk.subarray(0, Math.max(0, fault.afterBytes - link.answered));
    link.answered += part.length;
  }
  await new Promise<void>((resolve) => {
    to.once("close", resolve);
    to.write(part, () => {
      to.off("close", resolve);
      resolve();
    });
  });
  if (way === "to-client" && fault.kind === "cut" && link.answered >= fault.afterBytes) {
    link.state = "cut";
    link.client.end();
    link.origin.destroy();
  }
}

const remaining = (arrivedAt: number, ms: number): number => Math.max(0, arrivedAt + ms - performance.now());
