import { wholeBody } from "../core/body.ts";
import type { HeaderList } from "../core/headers.ts";
import type { Outcome } from "../core/outcome.ts";
import type { FallbackSettings } from "./fallback-settings.ts";
import { failureOf } from "./flight/failure.ts";

/** What a route answers when neither its dependency nor its cache has an answer. */
export interface Fallback {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

const BY_NAME: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  json: "application/json",
  txt: "text/plain; charset=utf-8",
  xml: "application/xml",
};

/** Built once: a `json` is written here. `octets`: of its file, when it has one. */
export function compileFallback(settings: FallbackSettings, octets: Uint8Array | undefined): Fallback {
  const { status, file, json, body = "", contentType, headers = {} } = settings;
  const bytes =
    octets !== undefined ? Buffer.from(octets) : Buffer.from(json === undefined ? body : JSON.stringify(json));
  const own: HeaderList = [];
  if (bytes.length > 0) own.push("Content-Type", contentType ?? typeOf(file, json !== undefined));
  if (status !== 204 && status !== 304) own.push("Content-Length", String(bytes.length));
  return { status, headers: [...own, "Cache-Control", "no-store", ...Object.entries(headers).flat()], body: bytes };
}

function typeOf(file: string | undefined, isJson: boolean): string {
  if (isJson) return BY_NAME["json"]!;
  if (file === undefined) return BY_NAME["txt"]!;
  return BY_NAME[/\.(\w+)$/.exec(file)?.[1]?.toLowerCase() ?? ""] ?? "application/octet-stream";
}

/**
 * The outcome, or the fallback in its place where it is a refusal, a failure or a 5xx. Who wants a kept answer or none
 * (`only-if-cached`) gets none, and who has left nothing.
 */
export function standIn(fallback: Fallback, method: string, outcome: Outcome): Outcome {
  const failure = failureOf(outcome);
  if (!failure || failure.insteadOf === "not-stored") return outcome;
  if (outcome.kind === "served") outcome.body.cancel(new Error("a fallback takes its place"));
  const { status, headers, body } = fallback;
  return {
    kind: "served",
    status,
    headers: [...headers, "Cache-Status", `${statusOf(outcome)}; detail=fallback`],
    body: wholeBody(method === "HEAD" ? Buffer.alloc(0) : body),
    by: "gateway",
    cache: { result: "fallback" },
    ...failure,
  };
}

/** What this cache said of the outcome: the last of its fields. */
function statusOf(outcome: Outcome): string {
  const headers = "headers" in outcome ? (outcome.headers ?? []) : [];
  const at = headers.lastIndexOf("Cache-Status");
  return at < 0 ? "spillway" : headers[at + 1]!;
}
