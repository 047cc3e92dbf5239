/** The origin of the cache benchmarks: every answer says how often it was asked for its path; trouble is switched on from here. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from "node:net";

/** `refused`: nothing listens. `hung`: connections are taken and nothing is said. */
export type Trouble = "none" | "503" | "refused" | "hung";

export interface Origin {
  readonly port: number;
  /** Requests for this path so far. */
  calls(path: string): number;
  trouble(kind: Trouble): Promise<void>;
  close(): Promise<void>;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * What a path asks for stands in its query: `after` milliseconds before the head, `control` for Cache-Control, `vary`,
 * `drip` a chunk every so many milliseconds for ten times, `size` octets of body.
 */
async function answer(asked: IncomingMessage, given: ServerResponse, serial: number, size: number): Promise<void> {
  const query = new URLSearchParams(asked.url?.split("?")[1]);
  await sleep(Number(query.get("after") ?? 0));
  given.setHeader("Cache-Control", query.get("control") ?? "max-age=3600");
  given.setHeader("Content-Type", "text/plain");
  given.setHeader("ETag", `"${serial}"`);
  const vary = query.get("vary");
  if (vary !== null) given.setHeader("Vary", vary);
  const text = `call ${serial} `.padEnd(Number(query.get("size") ?? size), "x");
  const drip = query.get("drip");
  if (drip === null) return void given.end(text);
  for (let i = 0; i < 10 && !given.destroyed; i++) {
    given.write(text);
    await sleep(Number(drip));
  }
  given.end();
}

/** `size`: octets of a body whose path does not say. */
export async function startOrigin(size: number): Promise<Origin> {
  const asked = new Map<string, number>();
  const open = new Set<Socket>();
  let trouble: Trouble = "none";
  let server: Server;
  const healthy = (): Server =>
    createServer((request, response) => {
      const path = request.url?.split("?")[0] ?? "";
      const serial = (asked.get(path) ?? 0) + 1;
      asked.set(path, serial);
      if (trouble !== "503") return void answer(request, response, serial, size);
      response.writeHead(503, { "Cache-Control": "no-store" }).end("out of order");
    }).on("connection", keep);
  // What hangs still counts: the head of a request tells its path.
  const hanging = (): Server =>
    createSocketServer((socket) => {
      keep(socket);
      socket.on("error", () => socket.destroy());
      socket.on("data", (data) => {
        for (const [, path] of data.toString("latin1").matchAll(/^[A-Z]+ ([^ ?]*)\S* HTTP\/1/gm)) {
          asked.set(path!, (asked.get(path!) ?? 0) + 1);
        }
      });
    });
  function keep(socket: Socket): void {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  }
  const listen = (one: Server, port: number): Promise<void> =>
    new Promise((resolve, reject) => one.once("error", reject).listen(port, "127.0.0.1", 4096, resolve));
  const shut = (): Promise<void> => {
    for (const socket of open) socket.destroy();
    return new Promise((resolve) => (server.listening ? server.close(() => resolve()) : resolve()));
  };
  server = healthy();
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    calls: (path) => asked.get(path) ?? 0,
    async trouble(kind) {
      trouble = kind;
      await shut();
      if (kind === "refused") return;
      server = kind === "hung" ? hanging() : healthy();
      await listen(server, port);
    },
    close: shut,
  };
}
