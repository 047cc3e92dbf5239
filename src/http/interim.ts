import type { ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { withoutHeaders, type HeaderList } from "../core/headers.ts";

/** About a body, which an interim answer has not. */
const FRAMING: ReadonlySet<string> = new Set(["content-length", "trailer"]);

/** What Node writes without refusing it. */
const isWritable = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text);

/**
 * Passes an interim answer on, whatever it is (RFC 9110 section 15.2): 102, 103 and those to come, but not 100 and 101,
 * which are about one hop. HTTP/1.0 clients get none.
 */
export function passInterim(response: ServerResponse, status: number, fields: HeaderList): void {
  if (status === 100 || status === 101 || response.headersSent || response.destroyed) return;
  if (response.req.httpVersion === "1.0") return;
  const headers = withoutHeaders(fields, FRAMING);
  if (!headers.every(isWritable)) return;
  const { stream } = response as { stream?: ServerHttp2Stream };
  if (!stream) return response.writeInformation(status, headers);
  try {
    stream.additionalHeaders({ ...linesOf(headers), ":status": status });
  } catch {
    // HTTP/2 has no room for two lines of a field that comes once; the final answer tells more anyway.
  }
}

/** Fields as HTTP/2 has them: by lower-case name, all lines of one name together. */
function linesOf(headers: HeaderList): Record<string, string[]> {
  const lines = Object.create(null) as Record<string, string[]>;
  for (let i = 0; i < headers.length; i += 2) (lines[headers[i]!.toLowerCase()] ??= []).push(headers[i + 1]!);
  return lines;
}
