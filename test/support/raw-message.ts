import { headerValue, joinedHeader } from "../../src/core/headers.ts";
import { type ByteReader, printable } from "./byte-reader.ts";

/** What says where a body ends. */
export type Framing =
  | { readonly by: "none" }
  | { readonly by: "length"; readonly octets: number }
  | { readonly by: "chunked" }
  | { readonly by: "close" };

export interface RawBody {
  readonly body: Buffer;
  /** Size of each chunk, the last empty one left out; empty unless chunked. */
  readonly chunks: readonly number[];
  /** Flat `[name, value, ...]`. */
  readonly trailers: string[];
}

/** Reads field lines up to the empty line: flat, spelling, order and repetition kept, optional whitespace trimmed. */
export async function readFields(reader: ByteReader, what: string): Promise<string[]> {
  const fields: string[] = [];
  for (;;) {
    const line = await reader.line(`a field line of ${what}`);
    if (line === "") return fields;
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`${what} has a line that is no field: ${printable(line)}`);
    fields.push(line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ""));
  }
}

/** Framing that the fields announce; undefined when they are silent. Throws on what RFC 9112 forbids to send. */
export function announcedFraming(headers: readonly string[], what: string): Framing | undefined {
  const coding = joinedHeader(headers, "transfer-encoding");
  const length = joinedHeader(headers, "content-length");
  if (coding !== undefined) {
    if (length !== undefined) throw new Error(`${what} has both Transfer-Encoding and Content-Length`);
    if (coding.toLowerCase() !== "chunked") throw new Error(`${what} has Transfer-Encoding ${printable(coding)}`);
    return { by: "chunked" };
  }
  if (length === undefined) return undefined;
  if (!/^\d+$/.test(length)) throw new Error(`${what} has Content-Length ${printable(length)}`);
  return { by: "length", octets: Number(length) };
}

export async function readBody(reader: ByteReader, framing: Framing, what: string): Promise<RawBody> {
  switch (framing.by) {
    case "none":
      return { body: Buffer.alloc(0), chunks: [], trailers: [] };
    case "length":
      return { body: await reader.exactly(framing.octets, `the body of ${what}`), chunks: [], trailers: [] };
    case "close":
      return { body: await reader.toEnd(`the body of ${what}`), chunks: [], trailers: [] };
    case "chunked":
      return readChunked(reader, what);
  }
}

async function readChunked(reader: ByteReader, what: string): Promise<RawBody> {
  const parts: Buffer[] = [];
  for (;;) {
    const line = await reader.line(`a chunk size of ${what}`);
    const size = /^([0-9a-fA-F]+)(?:[ \t]*;.*)?$/.exec(line)?.[1];
    if (size === undefined) throw new Error(`${what} has the chunk size ${printable(line)}`);
    const octets = Number.parseInt(size, 16);
    if (octets === 0) break;
    parts.push(await reader.exactly(octets, `a chunk of ${what}`));
    const after = await reader.exactly(2, `the end of a chunk of ${what}`);
    if (after.toString("latin1") !== "\r\n") throw new Error(`${what} has ${printable(after)} after a chunk`);
  }
  const trailers = await readFields(reader, `the trailers of ${what}`);
  return { body: Buffer.concat(parts), chunks: parts.map((part) => part.length), trailers };
}

/** Whether the connection may carry another message after this one (RFC 9112 section 9.3). */
export function persists(version: string, headers: readonly string[]): boolean {
  const options = (headerValue(headers, "connection") ?? "").toLowerCase();
  return version === "1.1" ? !options.includes("close") : options.includes("keep-alive");
}
