/**
 * What the Node peers have in common: Express 5, the forwarder of the proxy benchmark, and a gate of the peer's own library
 * before each dependency. Arguments: PORT, the dependencies as JSON ({@link Place}[]), SEATS.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import express from "express";
import { forwarder } from "../../contenders/forward.ts";

/** Paths below `prefix` go to `origin`; the first that fits. */
export interface Place {
  prefix: string;
  origin: string;
}

export interface Gated {
  /** 0 for critical, 1 for default, 2 for sheddable. */
  rank: number;
  /** Forwards; resolves when the answer is over, rejects when the dependency failed. */
  forward(): Promise<void>;
  refuse(): void;
}

export type Gate = (gated: Gated) => void;

const RANKS: Readonly<Record<string, number>> = { critical: 0, default: 1, sheddable: 2 };

export function seats(): number {
  return Number(process.argv[4]);
}

export function listen(gateFor: () => Gate): void {
  const app = express();
  app.disable("x-powered-by");
  for (const { prefix, origin } of JSON.parse(process.argv[3]!) as Place[]) {
    const [gate, forward] = [gateFor(), forwarder(origin)];
    app.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
      if (!request.url!.startsWith(prefix)) return next();
      gate({
        rank: RANKS[String(request.headers["x-class"])] ?? 1,
        forward: () => over(response, () => forward(request, response)),
        refuse: () => {
          if (!response.headersSent) response.writeHead(503).end();
        },
      });
    });
  }
  createServer(app).listen(Number(process.argv[2]), "127.0.0.1", 4096);
}

function over(response: ServerResponse, begin: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    if (response.destroyed) return resolve();
    response.once("close", () => {
      if (response.statusCode >= 500) reject(new Error(`status ${response.statusCode}`));
      else resolve();
    });
    begin();
  });
}
