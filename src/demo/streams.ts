import type { ServerResponse } from "node:http";
import { type Call, pause, writeInManner } from "./answer.ts";

const EVENT_PAUSE_MS = 1000;
/** Events between two heartbeat comments. */
const EVENTS_A_HEARTBEAT = 10;

/**
 * Server-sent events: one a second with rising ids, going on after the client's Last-Event-ID, until the client
 * leaves. A client that reads too slowly is waited for; it misses nothing.
 */
export async function sendEvents(call: Call, dataOf: (number: number) => unknown): Promise<void> {
  const { req, res, clock } = call;
  res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  if (req.method === "HEAD") return void res.end();
  let id = nextId(req.headers["last-event-id"]);
  let goesOn = await writeInManner(call, Buffer.from("retry: 2000\n\n"));
  while (goesOn) {
    const heartbeat = id % EVENTS_A_HEARTBEAT === 0 ? ": heartbeat\n\n" : "";
    const event = `${heartbeat}id: ${id}\nevent: price\ndata: ${JSON.stringify(dataOf(id))}\n\n`;
    goesOn = (await writeInManner(call, Buffer.from(event))) && (await pause(clock, res, EVENT_PAUSE_MS)) === "on";
    id += 1;
  }
}

/** 1 for a client that names no id of ours. */
export function nextId(lastEventId: string | string[] | undefined): number {
  return typeof lastEventId === "string" && /^\d{1,9}$/.test(lastEventId) ? Number(lastEventId) + 1 : 1;
}

/** Media types that are given back as they came; anything else becomes octets, so that no browser runs it. */
const ECHOED_TYPE = /^(application\/json|text\/plain)\b/i;

/** Gives the body back as it comes, whatever its size, with the announced length if there was one. */
export async function sendEcho(call: Call): Promise<void> {
  const { req, res } = call;
  const type = req.headers["content-type"] ?? "";
  const length = req.headers["content-length"];
  res.writeHead(200, {
    "Content-Type": ECHOED_TYPE.test(type) ? type : "application/octet-stream",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...(length === undefined ? {} : { "Content-Length": length }),
  });
  await passOn(call, res);
}

async function passOn(call: Call, res: ServerResponse): Promise<void> {
  try {
    for await (const chunk of call.req as AsyncIterable<Buffer>) {
      if (!(await writeInManner(call, chunk))) return;
    }
    res.end();
  } catch {
    res.destroy();
  }
}
