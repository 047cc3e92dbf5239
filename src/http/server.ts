import {
  createServer as createHttp,
  ServerResponse,
  type IncomingMessage,
  type Server,
  type ServerOptions,
} from "node:http";
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from "node:http2";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../core/clock.ts";
import { UsageError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import type { Edge } from "./edge.ts";
import type { ListenSettings } from "./settings.ts";
import { answerParseError } from "./turn-away.ts";
import { holdEarly, joinTunnel } from "./websocket.ts";

/** The listening side of a gateway. */
export interface EdgeServer {
  /** Begins to take requests; resolves to the port. Throws {@link UsageError} when the address cannot be had. */
  listen(): Promise<number>;
  /** Tells clients to go elsewhere with their next request; still serves. */
  announceDrain(): void;
  /** Accepts nothing new and lets open exchanges finish; resolves when none is left. */
  finish(): Promise<void>;
  /** Cuts whatever is still open. */
  cut(): void;
}

/** What answers a request: Express in front of the edge, or the edge alone. */
export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** Files of `listen.tls`, read. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

export interface ServerParts {
  readonly edge: Edge;
  readonly listener: RequestListener;
  readonly settings: ListenSettings;
  readonly tls: TlsMaterial | undefined;
  readonly clock: Clock;
  readonly bus: EventBus;
  /** Several processes listen on this port (SO_REUSEPORT). */
  readonly sharedPort: boolean;
}

/** How often Node looks for late heads, in milliseconds: late by a tenth at most, and never rarer than twice a second. */
const checkEvery = (headTimeout: number): number => Math.min(500, Math.max(10, headTimeout / 10));

export function createEdgeServer(parts: ServerParts): EdgeServer {
  const { settings, tls } = parts;
  const sessions = new Set<ServerHttp2Session>();
  const tunnels = new Set<Duplex>();
  const sockets = new Set<Socket>();
  const drain = { announced: false };
  const http2 = settings.h2c || tls ? createHttp2Side(parts, sessions, drain) : undefined;
  const listening: Server | Http2Server = settings.h2c ? http2! : createHttp1Side(parts, tls, http2, tunnels);
  listening.maxConnections = settings.maxConnections;
  listening.prependListener("connection", (socket: Socket) => {
    if (parts.edge.full) socket.destroy();
  });
  listening.on(tls ? "secureConnection" : "connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return {
    listen: () => listenOn(listening, settings, parts.sharedPort),
    announceDrain() {
      drain.announced = true;
      for (const session of sessions) session.close();
    },
    finish() {
      drain.announced = true;
      for (const session of sessions) session.close();
      return new Promise((resolve) => {
        // Node looks for idle connections once; those whose last answer ends later would stay for all of keepAlive.
        const since = parts.clock.now();
        const look = (): void => {
          if ("closeIdleConnections" in listening) listening.closeIdleConnections();
          if (parts.clock.now() - since >= SILENT_MS) closeSilent(sockets, parts.edge);
        };
        const stopLooking = parts.clock.every(IDLE_LOOK_MS, look);
        listening.close(() => {
          stopLooking();
          resolve();
        });
        look();
      });
    },
    cut() {
      for (const session of sessions) session.destroy();
      for (const tunnel of tunnels) tunnel.destroy();
      if ("closeAllConnections" in listening) listening.closeAllConnections();
    },
  };
}

/** Milliseconds between two looks for connections without work while a server finishes. */
const IDLE_LOOK_MS = 100;

/** Milliseconds that a connection may then still take to bring its first request, which may be on its way. */
const SILENT_MS = 500;

/** Node does not call a connection idle that never brought a request, and would wait for it without end. */
function closeSilent(sockets: ReadonlySet<Socket>, edge: Edge): void {
  for (const socket of sockets) if (socket.bytesRead === 0 && !edge.knownConnection(socket)) socket.destroy();
}

function createHttp1Side(
  parts: ServerParts,
  tls: TlsMaterial | undefined,
  http2: Http2Server | undefined,
  tunnels: Set<Duplex>,
): Server {
  const { edge, listener, settings, bus, clock } = parts;
  const options: ServerOptions & {
    optimizeEmptyRequests?: boolean;
    shouldUpgradeCallback?: (request: IncomingMessage) => boolean;
  } = {
    maxHeaderSize: settings.maxHead,
    headersTimeout: settings.headTimeout,
    // Bodies are timed by rate and by pause, see Upload; Node's one limit for a whole request would cut slow good ones.
    requestTimeout: 0,
    connectionsCheckingInterval: checkEvery(settings.headTimeout),
    keepAliveTimeout: settings.keepAlive,
    insecureHTTPParser: false,
    // A missing Host is refused by the edge, in our words.
    requireHostHeader: false,
    optimizeEmptyRequests: true,
    shouldUpgradeCallback: wantsWebSocket,
  };
  const server = tls
    ? createHttps({
        ...options,
        ...tls,
        ALPNProtocols: http2 && settings.tls?.http2 !== false ? ["h2", "http/1.1"] : ["http/1.1"],
        handshakeTimeout: settings.headTimeout,
        minVersion: "TLSv1.2",
      })
    : createHttp(options);
  // Fields are bounded by octets alone: beyond a count Node would drop them in silence (security rule S14).
  server.maxHeadersCount = 0;
  server.on("request", listener);
  server.on("checkContinue", listener);
  server.on("checkExpectation", listener);
  server.on("clientError", (error: Error, socket: Duplex) =>
    answerParseError(error, socket as Socket, edge.knownConnection(socket as Socket), { bus, clock }),
  );
  server.on("connect", (request: IncomingMessage, socket: Duplex) => {
    socket.on("error", () => socket.destroy());
    if (!cutIfBusy(edge, socket as Socket)) edge.handle(request, answerOn(request, socket as Socket));
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, first: Buffer) => {
    socket.on("error", () => socket.destroy());
    if (cutIfBusy(edge, socket as Socket)) return;
    const takeEarly = holdEarly(socket as Socket, first);
    const response = answerOn(request, socket as Socket);
    edge.handleUpgrade(request, response, (dependency, headers) => {
      tunnels.add(socket);
      socket.once("close", () => tunnels.delete(socket));
      response.detachSocket(socket as Socket);
      joinTunnel(socket as Socket, takeEarly(), dependency, headers, () => response.emit("close"));
    });
  });
  if (tls && http2) splitByProtocol(server, http2);
  return server;
}

/**
 * Cuts a connection whose earlier requests are not all answered. Node has let go of the socket, so that answers could
 * no longer be kept in order, and nobody asks for a tunnel before the connection is quiet.
 */
function cutIfBusy(edge: Edge, socket: Socket): boolean {
  const busy = (edge.knownConnection(socket)?.outstanding ?? 0) > 0;
  if (busy) socket.destroy();
  return busy;
}

const wantsWebSocket = (request: IncomingMessage): boolean => request.headers.upgrade?.toLowerCase() === "websocket";

/** A response on a socket that Node's server has let go of. */
function answerOn(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on("finish", () => {
    response.detachSocket(socket);
    socket.end();
    socket.destroySoon();
    response.emit("close");
  });
  return response;
}

function createHttp2Side(
  { listener, settings }: ServerParts,
  sessions: Set<ServerHttp2Session>,
  drain: { announced: boolean },
): Http2Server {
  const server = createHttp2({
    settings: {
      maxConcurrentStreams: settings.maxOutstanding,
      maxHeaderListSize: settings.maxHead,
      enableConnectProtocol: false,
      enablePush: false,
    },
    maxSessionMemory: 4,
    maxHeaderListPairs: 2000,
    unknownProtocolTimeout: settings.headTimeout,
  });
  const onRequest = listener as unknown as Parameters<typeof server.on>[1];
  server.on("request", onRequest);
  server.on("checkContinue", onRequest);
  server.on("checkExpectation", onRequest);
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
    // Graceful: open streams finish, however quiet they are.
    session.setTimeout(settings.keepAlive, () => session.close());
    if (drain.announced) session.once("stream", () => session.close());
  });
  server.on("sessionError", () => {});
  return server;
}

/** One TLS port for both protocols: what ALPN agreed on decides who takes the connection. */
function splitByProtocol(server: Server, http2: Http2Server): void {
  const [http1] = server.listeners("secureConnection") as ((socket: Socket) => void)[];
  server.removeAllListeners("secureConnection");
  server.on("secureConnection", (socket: Socket & { alpnProtocol?: string | false }) => {
    if (socket.alpnProtocol === "h2") http2.emit("connection", socket);
    else http1!.call(server, socket);
  });
}

function listenOn(server: Server | Http2Server, settings: ListenSettings, sharedPort: boolean): Promise<number> {
  const { host, port } = settings;
  return new Promise((resolve, reject) => {
    server.once("error", (error: Error & { code?: string }) => {
      if (error.code === "EADDRINUSE")
        reject(new UsageError(`listen.port: ${host}:${port} is taken; choose another port or stop what holds it`));
      else if (error.code === "EACCES")
        reject(new UsageError(`listen.port: no right to listen on ${host}:${port}; choose a port above 1023`));
      else reject(new UsageError(`listen: cannot listen on ${host}:${port}: ${error.message}`));
    });
    server.listen({ host, port, backlog: 1024, ...(sharedPort ? { reusePort: true, exclusive: true } : {}) }, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });
}
