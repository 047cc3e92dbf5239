import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Clock, Random } from "../core/clock.ts";
import { type Call, collectBody, pause, sendError, sendJson } from "./answer.ts";
import { Carts } from "./carts.ts";
import { type Faults, HEALTHY, mannerOf, parseFaults, verdictOf } from "./faults.ts";
import { listenNear } from "./listen-near.ts";
import { apiRoutes, JSON_BODY_LIMIT, type Route, sendTooLarge } from "./routes.ts";

export interface OriginOptions {
  readonly clock: Clock;
  /** Decides jitter, what is flaky, and whom an `errorRate` hits. The data do not depend on it. */
  readonly random: Random;
  /** Wished for; one of the next nine is taken when it is not free. 0: the system chooses. */
  readonly port: number;
  readonly host: string;
}

export interface Origin {
  /** Such as `http://127.0.0.1:9100`. */
  readonly url: string;
  readonly port: number;
  /** Cuts what is open, streams and hung requests too. */
  close(): Promise<void>;
}

const PORTS_TRIED = 10;

/** A small product API to try a gateway on, with faults that are switched on at `/faults`. Holds no secrets. */
export async function startOrigin(options: OriginOptions): Promise<Origin> {
  const server = createServer(originHandler(options.clock, options.random));
  const port = await listenNear(server, options.host, options.port, PORTS_TRIED);
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function originHandler(clock: Clock, random: Random): (req: IncomingMessage, res: ServerResponse) => void {
  let faults = HEALTHY;
  const api = apiRoutes(random, new Carts());
  const open = [
    ...healthRoutes(),
    ...faultRoutes(
      () => faults,
      (next) => (faults = next),
    ),
  ];
  return (req, res) => {
    const url = urlOf(req.url ?? "/");
    const faulty = url?.pathname.startsWith("/api/") ?? false;
    const call: Call = {
      req,
      res,
      url: url ?? new URL("http://origin/"),
      id: "",
      clock,
      manner: faulty ? mannerOf(faults) : "whole",
    };
    const answered = !url
      ? sendError(call, 400, "the target is no path")
      : faulty
        ? answerUnder(faults, random(), call, api)
        : answer(call, open);
    answered.catch(() => res.destroy());
  };
}

function urlOf(target: string): URL | undefined {
  const text = target.startsWith("/") ? `http://origin${target}` : target;
  return URL.canParse(text) ? new URL(text) : undefined;
}

async function answerUnder(faults: Faults, roll: number, call: Call, routes: readonly Route[]): Promise<void> {
  const verdict = verdictOf(faults, roll);
  if (verdict === "refuse") return void call.req.socket.destroy();
  if (verdict === "hang") return;
  if (faults.latencyMs > 0 && (await pause(call.clock, call.res, faults.latencyMs)) === "gone") return;
  if (verdict === "error") return sendError(call, 500, "a fault is switched on: DELETE /faults heals");
  return answer(call, routes);
}

async function answer(call: Call, routes: readonly Route[]): Promise<void> {
  const { pathname } = call.url;
  for (const { pattern, methods } of routes) {
    const found = pattern.exec(pathname);
    if (!found) continue;
    const method = call.req.method === "HEAD" ? "GET" : (call.req.method ?? "");
    const answerer = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (answerer) return answerer({ ...call, id: found[1] ?? "" });
    const allowed = Object.keys(methods).flatMap((name) => (name === "GET" ? ["GET", "HEAD"] : [name]));
    return sendError(call, 405, `this path takes ${allowed.join(", ")}`, { Allow: allowed.join(", ") });
  }
  return sendError(call, 404, "nothing here: try /api/products");
}

const healthRoutes = (): Route[] => [
  {
    pattern: /^\/healthz$/,
    methods: { GET: (call) => sendJson(call, 200, { status: "ok" }, { "Cache-Control": "no-store" }) },
  },
];

function faultRoutes(current: () => Faults, set: (faults: Faults) => void): Route[] {
  const show = (call: Call): Promise<void> => sendJson(call, 200, current(), { "Cache-Control": "no-store" });
  const put = async (call: Call): Promise<void> => {
    const body = await collectBody(call.req, JSON_BODY_LIMIT);
    if (body === "gone") return;
    if (body === "too-large") return sendTooLarge(call);
    const parsed = parseFaults(body.text);
    if ("errors" in parsed) return sendError(call, 400, parsed.errors.slice(0, 10).join("; "));
    set(parsed.faults);
    return show(call);
  };
  const heal = (call: Call): Promise<void> => {
    set(HEALTHY);
    return show(call);
  };
  return [{ pattern: /^\/faults$/, methods: { GET: show, PUT: put, DELETE: heal } }];
}
