import { listMembers, withoutHeaders, type HeaderList } from "../core/headers.ts";
import { createNameReader } from "./names.ts";

/** The head of a dependency's answer, ready for the stages: end-to-end fields only. */
export interface AnswerHead {
  readonly headers: HeaderList;
  /** Octets announced by Content-Length. */
  readonly length: number | undefined;
  readonly eventStream: boolean;
}

const toText = (octets: Buffer | string): string => (typeof octets === "string" ? octets : octets.toString("latin1"));

/**
 * Reads the raw fields of an answer; undefined when two of them contradict each other. `keepsTrailer` leaves the
 * Trailer field in, for routes that pass trailers on.
 */
export type HeadReader = (
  raw: readonly (Buffer | string)[],
  status: number,
  keepsTrailer: boolean,
) => AnswerHead | undefined;

export function createHeadReader(): HeadReader {
  const readName = createNameReader();
  return (raw, status, keepsTrailer) => {
    const headers: HeaderList = [];
    let length: string | undefined;
    let connection: string | undefined;
    let eventStream = false;
    let coded = false;
    for (let i = 0; i < raw.length; i += 2) {
      const { text: name, kind } = readName(raw[i]!);
      const value = toText(raw[i + 1]!);
      if (kind === "content-length") {
        if (length !== undefined) return undefined;
        length = value;
        if (status === 204) continue;
      } else if (kind === "content-type") eventStream = value.startsWith("text/event-stream");
      else if (kind === "transfer-encoding") {
        // "chunked" alone is decoded by the client; anything else would be passed on undecoded, without its name.
        if (coded || value.toLowerCase() !== "chunked") return undefined;
        coded = true;
        continue;
      } else if (kind === "connection") {
        connection = connection ? `${connection},${value}` : value;
        continue;
      } else if (kind === "hop" || (kind === "trailer" && !keepsTrailer)) continue;
      headers.push(name, value);
    }
    if (length !== undefined && (coded || !/^\d{1,15}$/.test(length))) return undefined;
    return {
      headers: connection === undefined ? headers : withoutNamed(headers, connection),
      length: length === undefined ? undefined : Number(length),
      eventStream,
    };
  };
}

/** Drops what Connection names, except what frames or guards the answer. */
function withoutNamed(headers: HeaderList, connection: string): HeaderList {
  if (NAMES_NOTHING.test(connection)) return headers;
  const named = new Set(listMembers(connection.toLowerCase()));
  for (const kept of ["content-length", "content-type", "set-cookie", "cache-control", "vary"]) named.delete(kept);
  return withoutHeaders(headers, named);
}

/** What nearly every origin says. */
const NAMES_NOTHING = /^(?:keep-alive|close)$/i;

/** Trailer fields that may go on: none that frames, routes or authorises (RFC 9110 section 6.5.1). */
export function readTrailers(raw: readonly (Buffer | string)[]): HeaderList {
  const trailers: HeaderList = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = toText(raw[i]!);
    if (!FORBIDDEN_TRAILER.test(name)) trailers.push(name, toText(raw[i + 1]!));
  }
  return trailers;
}

const FORBIDDEN_TRAILER =
  /^(?:transfer-encoding|content-(?:length|encoding|type|range)|host|connection|keep-alive|te|trailer|upgrade|cache-control|expect|max-forwards|pragma|range|authorization|proxy-.*|set-cookie|cookie|age|expires|date|location|retry-after|vary|warning|www-authenticate)$/i;
