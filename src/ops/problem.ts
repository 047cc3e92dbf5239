/** Errors of the ops listener: RFC 9457, without anything a caller sent. */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import { z } from "zod";

export const problemShape = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string().optional().describe("X-Request-Id of the answer"),
});

export interface Problem {
  readonly status: number;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const problem = (status: number, detail: string, headers: Readonly<Record<string, string>> = {}): Problem => ({
  status,
  detail,
  headers,
});

export function sendProblem(res: ServerResponse, { status, detail, headers }: Problem, id: string): void {
  sendText(res, status, "application/problem+json", problemText(status, detail, id), headers);
}

export function problemText(status: number, detail: string, id?: string): string {
  return JSON.stringify({
    type: "about:blank",
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail,
    ...(id === undefined ? {} : { instance: `urn:spillway:ops:${id}` }),
  });
}

export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  sendText(res, status, "application/json", JSON.stringify(body));
}

export function sendText(
  res: ServerResponse,
  status: number,
  contentType: string,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = Buffer.from(text);
  res.writeHead(status, {
    ...headers,
    "Content-Type": contentType,
    "Content-Length": body.length,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...(hasUnreadBody(res.req) && { Connection: "close" }),
  });
  res.end(res.req.method === "HEAD" ? undefined : body);
}

/** Then the connection ends with the answer: nobody is let in to send what will not be read. */
const hasUnreadBody = (req: IncomingMessage): boolean =>
  !req.complete && (req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > 0);
