/**
 * The dependencies of an overload run, in one process: each port is one of {@link Slots}. `GET /-/figures` and
 * `PUT /-/state` on the same port are for the bench and take no slot. Arguments: SEED, PORT...
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { seeded } from "./seeded.ts";
import { Slots, type SlotsState } from "./slots.ts";
import { draw, workOf } from "./work.ts";

/** What can be set while it runs. */
export interface SimulatorState extends SlotsState {
  /** Share of answers that are a 500, after their service. */
  errors: number;
}

export const NORMAL: SimulatorState = { slots: 10, factor: 1, retrograde: 0, hang: false, errors: 0 };

const CONTENT = JSON.stringify({ id: 1, name: "overload", text: "x".repeat(200) });
const HEAD = { "Content-Type": "application/json", "Content-Length": CONTENT.length, "Cache-Control": "no-store" };

function serve(port: number, seed: number): void {
  const chance = seeded(seed);
  let { errors } = NORMAL;
  const slots = new Slots(NORMAL, {
    now: () => performance.now(),
    after: (milliseconds, run) => void setTimeout(run, milliseconds),
  });
  const control = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === "PUT") {
      let text = "";
      for await (const part of request.setEncoding("utf8")) text += part as string;
      const { errors: share, ...changes } = JSON.parse(text) as Partial<SimulatorState>;
      errors = share ?? errors;
      slots.set(changes);
    }
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(slots.read()));
  };
  const server = createServer((request, response) => {
    const { url = "/" } = request;
    if (url.startsWith("/-/")) return void control(request, response);
    const job = slots.offer(draw(workOf(url), chance), () => {
      if (job.gone) return;
      if (chance() < errors) response.writeHead(500).end();
      else response.writeHead(200, HEAD).end(CONTENT);
    });
    response.once("close", () => {
      if (!response.writableFinished) job.gone = true;
    });
  });
  // Connections are the gateways' to close: one that we closed could lose a request that is no fault of theirs.
  server.keepAliveTimeout = 0;
  server.headersTimeout = 0;
  server.requestTimeout = 0;
  server.listen(port, "127.0.0.1", 4096);
}

if (import.meta.main) {
  const [seed = 1, ...ports] = process.argv.slice(2).map(Number);
  for (const [index, port] of ports.entries()) serve(port, seed + index);
}
