import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { EventBus } from "../core/events.ts";
import { refused, type Refused, type RefusedReason } from "../core/outcome.ts";
import type { Connection } from "./connection.ts";
import { problemOfTurnedAway, type Problem } from "./problems.ts";

interface TurnAwayParts {
  readonly bus: EventBus;
}

/** Answers a request on which the gateway itself failed before it was an exchange, and closes its connection. */
export function answerFault(response: ServerResponse): void {
  if (response.headersSent) response.destroy();
  else
    write(response, problemOfTurnedAway("internal", "the gateway failed on this request; its log tells more", "none"));
}

/** Answers a request that must not become an exchange, and closes its connection: what follows on it cannot be trusted. */
export function turnAway(response: ServerResponse, why: Refused, parts: TurnAwayParts, address: string): void {
  const problem = problemOfTurnedAway(why.reason, why.detail, "none");
  write(response, problem);
  parts.bus.publish("spillway:turned-away", {
    reason: why.reason,
    status: problem.status,
    detail: why.detail,
    address,
  });
}

function write(response: ServerResponse, problem: Problem): void {
  const body = Buffer.from(problem.body);
  const headers = [
    "Content-Type",
    "application/problem+json",
    "Content-Length",
    String(body.length),
    "Cache-Control",
    "no-store",
  ];
  if (response.req.httpVersionMajor === 1) headers.push("Connection", "close");
  response.writeHead(problem.status, headers);
  response.end(body);
}

/** What Node's parser says about a request it could not read. */
export function parserRefusal(error: Error & { code?: string }): Refused {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return refused("head-too-large", "the request line and the fields together are larger than this gateway takes");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return refused("head-timeout", "the head of the request took too long");
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return refused("body-too-large", "the chunk extensions are larger than this gateway takes");
    default:
      return refused("malformed", "the request is not valid HTTP/1.1");
  }
}

/**
 * The answer to a parse error: written straight to the socket, unless an answer is already on its way there, for
 * then more octets would be taken for a part of it.
 */
export function answerParseError(
  error: Error & { code?: string },
  socket: Socket,
  connection: Connection | undefined,
  parts: TurnAwayParts,
): void {
  const why = parserRefusal(error);
  const reset = error.code === "ECONNRESET" || error.code === "EPIPE";
  const midAnswer =
    connection !== undefined &&
    (connection.outstanding > 1 || (connection.outstanding === 1 && connection.current?.headersSent === true));
  if (connection) connection.poisoned = true;
  if (reset || midAnswer || !socket.writable) {
    socket.destroy();
    return;
  }
  const address = socket.remoteAddress ?? "";
  socket.end(rawAnswer(why.reason, why.detail));
  socket.destroySoon();
  parts.bus.publish("spillway:turned-away", {
    reason: why.reason,
    status: problemOfTurnedAway(why.reason, "", "none").status,
    detail: why.detail,
    address,
  });
}

function rawAnswer(reason: RefusedReason, detail: string): string {
  const { status, body } = problemOfTurnedAway(reason, detail, "none");
  return `HTTP/1.1 ${status} \r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}
