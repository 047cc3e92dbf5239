/** The ops listener: calls are rows of one table, mounted here and described by openapi.ts. */
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import express, { type Express, type NextFunction, type Request, type Response } from "express";
import { createHexSource, type Clock } from "../core/clock.ts";
import type { Control } from "../core/control.ts";
import { UsageError, toError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import { boundAudit, type Audit } from "./audit.ts";
import { createPolicy, type Actor } from "./auth.ts";
import type { OpsCall, Reply } from "./call.ts";
import { cache } from "./cache.ts";
import { cacheEvents } from "./cache-events.ts";
import { cachePurge } from "./cache-purge.ts";
import { cacheWarm } from "./cache-warm.ts";
import { config } from "./config.ts";
import { breakers } from "./breakers.ts";
import { dependencies } from "./dependencies.ts";
import { drain } from "./drain.ts";
import { createGate, peerOf, type Gate } from "./gate.ts";
import { createLockout } from "./lockout.ts";
import { weights } from "./weights.ts";
import { limits } from "./limits.ts";
import { openapi } from "./openapi.ts";
import { problem, problemText, sendJson, sendProblem, sendText } from "./problem.ts";
import { probes } from "./probes.ts";
import { requests } from "./requests.ts";
import type { OpsSettings } from "./settings.ts";

export interface Ops {
  listen(): Promise<{ readonly port: number }>;
  /** Finishes what runs, a second at most. */
  close(): Promise<void>;
}

export interface OpsParts {
  readonly control: Control;
  readonly settings: OpsSettings;
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly audit: Audit;
  readonly version: string;
}

/** Octets of a head, and of a body. */
const MAX_HEAD = 16_384;
const MAX_BODY = 16_384;
const MAX_CONNECTIONS = 256;
/** Milliseconds. */
const HEAD_TIMEOUT = 5_000;
const REQUEST_TIMEOUT = 10_000;
const KEEP_ALIVE = 30_000;
/** A client that neither sends nor takes anything for so long is cut. A stream has to say something more often. */
const IDLE = 60_000;
const CLOSE_PATIENCE = 1_000;

/** Throws a UsageError on settings that would let in more than they should. */
export function createOps(given: OpsParts): Ops {
  const { settings, clock } = given;
  const parts = { ...given, audit: boundAudit(given.audit, clock) };
  const app = createApp(parts, createGate(createPolicy(settings), createLockout(clock), parts.audit));
  const server = createLimitedServer(app);
  return {
    listen: () =>
      new Promise((resolve, reject) => {
        const refuse = (error: Error): void => reject(cannotListen(settings, error));
        server.once("error", refuse);
        server.listen(settings.port, settings.host, () => {
          server.off("error", refuse);
          server.on("error", (error) => parts.bus.publish("spillway:fault", { where: "ops", error }));
          resolve({ port: (server.address() as AddressInfo).port });
        });
      }),
    close: () =>
      new Promise((resolve) => {
        const cancel = clock.after(CLOSE_PATIENCE, () => server.closeAllConnections());
        server.close(() => {
          cancel();
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

const cannotListen = ({ host, port }: OpsSettings, error: Error): UsageError =>
  new UsageError(`ops cannot listen on ${host} port ${port}: ${error.message}; set ops.host or ops.port`);

/** Every call there is, the description of them included. */
export function opsCalls({
  control,
  clock,
  version,
}: Pick<OpsParts, "control" | "clock" | "version">): readonly OpsCall[] {
  const calls = [
    ...probes(control),
    ...config(control),
    ...drain(control),
    ...dependencies(control),
    ...breakers(control),
    weights(control, clock),
    ...cache(control),
    ...cachePurge(control),
    ...cacheEvents(control, clock),
    ...cacheWarm(control),
    ...requests(control),
    ...limits(control),
  ];
  return [...calls, openapi(version, calls)];
}

export function createApp(parts: OpsParts, gate: Gate): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("query parser", false);
  app.enable("case sensitive routing");
  app.enable("strict routing");
  const newId = createHexSource(8);
  app.use((_req: Request, res: Response, next: NextFunction) => {
    res.locals["id"] = newId();
    res.setHeader("X-Request-Id", idOf(res));
    next();
  });
  const byPath = Map.groupBy(opsCalls(parts), (call) => call.path);
  for (const [path, calls] of byPath) mount(app, path, calls, parts, gate);
  app.use((req: Request, res: Response) => {
    const passed = gate.enter(req, idOf(res), "unknown", "open");
    sendProblem(
      res,
      passed.kind === "admitted" ? problem(404, "No such call: see /ops/openapi.json") : passed.problem,
      idOf(res),
    );
  });
  app.use((thrown: unknown, req: Request, res: Response, next: NextFunction) => {
    answerThrown(parts, thrown, req, res, next);
  });
  return app;
}

const idOf = (res: Response): string => String(res.locals["id"]);
const actorOf = (res: Response): Actor | undefined => res.locals["actor"] as Actor | undefined;

function mount(app: Express, path: string, calls: readonly OpsCall[], parts: OpsParts, gate: Gate): void {
  const route = app.route(path.replaceAll(/\{(\w+)\}/g, ":$1"));
  const readBody = express.json({
    limit: MAX_BODY,
    inflate: false,
    type: "application/json",
    verify: (_req, res, raw) => void ((res as Response).locals["raw"] = raw),
  });
  for (const call of calls) {
    const name = `${call.method} ${call.path}`;
    const admit = (req: Request, res: Response, next: NextFunction): void => {
      const passed = gate.enter(req, idOf(res), name, call.access);
      if (passed.kind === "turned-away") return sendProblem(res, passed.problem, idOf(res));
      res.locals["actor"] = passed.actor;
      const type = req.headers["content-type"];
      if (type !== undefined && !/^application\/json\s*(;|$)/i.test(type)) {
        return sendProblem(res, problem(415, "Bodies are application/json"), idOf(res));
      }
      next();
    };
    const checkSignature = (req: Request, res: Response, next: NextFunction): void => {
      const field = req.headers["spillway-signature"];
      const raw = (res.locals["raw"] as Buffer | undefined) ?? Buffer.alloc(0);
      const isRight = call.signed?.(typeof field === "string" ? field : undefined, raw) ?? true;
      if (isRight) next();
      else sendProblem(res, gate.unsigned(req, idOf(res), name), idOf(res));
    };
    const answer = async (req: Request, res: Response): Promise<void> => run(call, name, parts, req, res);
    route[methodOf(call)](admit, readBody, checkSignature, answer);
  }
  const allow = [...new Set(calls.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method])))].join(", ");
  route.all((_req: Request, res: Response) => {
    sendProblem(res, problem(405, `Allowed here: ${allow}`, { Allow: allow }), idOf(res));
  });
}

const methodOf = (call: OpsCall) => call.method.toLowerCase() as "get" | "post" | "put" | "delete";

async function run(call: OpsCall, name: string, parts: OpsParts, req: Request, res: Response): Promise<void> {
  const id = idOf(res);
  const body = call.body?.safeParse(req.body);
  if (body && !body.success) {
    const [issue] = body.error.issues;
    return sendProblem(res, problem(422, `${issue?.path.join(".") || "body"}: ${issue?.message ?? "invalid"}`), id);
  }
  const query = new URLSearchParams(req.url.split("?")[1] ?? "");
  const params = req.params as Record<string, string>;
  const reply = await call.run({ id, actor: actorOf(res), params, query, body: body?.data });
  if (call.method !== "GET") auditRun(parts.audit, name, reply, req, res);
  send(res, reply, id);
}

function auditRun(audit: Audit, call: string, reply: Reply, req: Request, res: Response): void {
  const actor = actorOf(res);
  audit({
    id: idOf(res),
    actor: actor?.name ?? "-",
    fingerprint: actor?.fingerprint ?? "-",
    address: peerOf(req),
    call,
    outcome: reply.status < 400 ? "done" : "failed",
    status: reply.status,
    ...("change" in reply ? reply.change : {}),
  });
}

function send(res: Response, reply: Reply, id: string): void {
  switch (reply.kind) {
    case "json":
      return sendJson(res, reply.status, reply.body);
    case "text":
      return sendText(res, reply.status, reply.contentType, reply.text);
    case "problem":
      return sendProblem(res, reply, id);
  }
}

/** A body that express could not read is the caller's fault, everything else ours; neither shows what was thrown. */
function answerThrown(parts: OpsParts, thrown: unknown, req: Request, res: Response, next: NextFunction): void {
  if (res.headersSent) return next(thrown);
  const { status } = thrown as { status?: unknown };
  const theirs = typeof status === "number" && status >= 400 && status < 500;
  if (!theirs) parts.bus.publish("spillway:fault", { where: "ops", error: toError(thrown) });
  const reply: Reply = theirs
    ? { kind: "problem", status, detail: "The request could not be read: JSON of 16 KiB at most, not compressed" }
    : { kind: "problem", status: 500, detail: "A fault of the gateway; the log tells more under this id" };
  if (req.method !== "GET" && req.method !== "HEAD")
    auditRun(parts.audit, `${req.method} ${req.route?.path ?? "unknown"}`, reply, req, res);
  send(res, reply, idOf(res));
}

function createLimitedServer(app: Express): Server {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEAD,
      headersTimeout: HEAD_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      keepAliveTimeout: KEEP_ALIVE,
      connectionsCheckingInterval: 1_000,
      requireHostHeader: true,
      joinDuplicateHeaders: true,
    },
    app,
  );
  server.timeout = IDLE;
  server.maxConnections = MAX_CONNECTIONS;
  server.on("clientError", answerBrokenHead);
  return server;
}

/** What Node's parser refuses never reaches Express. */
function answerBrokenHead(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const [status, title] = headStatuses[error.code ?? ""] ?? [400, "Bad Request"];
  const body = problemText(status, "The head of the request could not be read");
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

const headStatuses: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout"],
};
