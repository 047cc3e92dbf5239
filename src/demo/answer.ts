import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../core/clock.ts";
import { etagOf } from "./data.ts";
import type { Manner } from "./faults.ts";

/** One request of the demo origin and how its answer is to leave. */
export interface Call {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly url: URL;
  /** What the route's pattern captured. */
  readonly id: string;
  readonly manner: Manner;
  readonly clock: Clock;
}

export type Fields = Readonly<Record<string, string>>;

/** Octets of a body under `drip`, and the milliseconds between two such pieces. */
const DRIP_OCTETS = 64;
const DRIP_PAUSE_MS = 100;

/** Resolves to `gone` as soon as the client has left; nothing may be written then. Its timer keeps no process alive. */
export function pause(clock: Clock, res: ServerResponse, ms: number): Promise<"on" | "gone"> {
  return new Promise((resolve) => {
    if (res.destroyed) return resolve("gone");
    const left = (): void => {
      cancel();
      resolve("gone");
    };
    const cancel = clock.after(
      ms,
      () => {
        res.off("close", left);
        resolve("on");
      },
      "background",
    );
    res.once("close", left);
  });
}

export function sendJson(call: Call, status: number, value: unknown, fields: Fields = {}): Promise<void> {
  return sendBytes(call, status, Buffer.from(`${JSON.stringify(value)}\n`), {
    "Content-Type": "application/json",
    ...fields,
  });
}

/** An error as `{ "error": ... }`, never stored. */
export const sendError = (call: Call, status: number, error: string, fields: Fields = {}): Promise<void> =>
  sendJson(call, status, { error }, { "Cache-Control": "no-store", ...fields });

/** JSON with a strong ETag; 304 where the client's If-None-Match names it. */
export function sendCacheable(call: Call, value: unknown, fields: Fields): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
  const tagged = { ...fields, ETag: etagOf(bytes) };
  if (!matches(call.req.headers["if-none-match"], tagged.ETag)) {
    return sendBytes(call, 200, bytes, { "Content-Type": "application/json", ...tagged });
  }
  call.res.writeHead(304, tagged).end();
  return Promise.resolve();
}

/** Whether an If-None-Match names this tag, by weak comparison (RFC 9110 section 13.1.2). */
export function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(etag);
}

async function sendBytes(call: Call, status: number, bytes: Buffer, fields: Fields): Promise<void> {
  call.res.writeHead(status, { ...fields, "Content-Length": bytes.length });
  if (call.req.method === "HEAD") return void call.res.end();
  if (await writeInManner(call, bytes)) call.res.end();
}

/** Writes a part of a body as the faults have it. False once nothing more may be written: cut, or the client left. */
export async function writeInManner(call: Call, bytes: Buffer): Promise<boolean> {
  const { res, manner, clock } = call;
  switch (manner) {
    case "whole":
      return writeAll(res, bytes);
    case "truncate":
      res.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => res.destroy());
      return false;
    case "drip":
      for (let at = 0; at < bytes.length; at += DRIP_OCTETS) {
        if (!(await writeAll(res, bytes.subarray(at, at + DRIP_OCTETS)))) return false;
        if ((await pause(clock, res, DRIP_PAUSE_MS)) === "gone") return false;
      }
      return true;
  }
}

/** Waits for room when the client reads more slowly than we write. */
function writeAll(res: ServerResponse, bytes: Buffer): boolean | Promise<boolean> {
  if (res.destroyed) return false;
  if (res.write(bytes)) return true;
  return new Promise((resolve) => {
    const settle = (goesOn: boolean): void => {
      res.off("drain", onDrain);
      res.off("close", onClose);
      resolve(goesOn);
    };
    const onDrain = (): void => settle(true);
    const onClose = (): void => settle(false);
    res.on("drain", onDrain);
    res.on("close", onClose);
  });
}

export type Collected = { readonly text: string } | "too-large" | "gone";

/** The whole body as text. Beyond `limit` octets the rest is left unread. */
export async function collectBody(req: IncomingMessage, limit: number): Promise<Collected> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) return "too-large";
      chunks.push(chunk);
    }
  } catch {
    return "gone";
  }
  return { text: Buffer.concat(chunks).toString() };
}
