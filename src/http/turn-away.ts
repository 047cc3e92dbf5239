import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Http2ServerResponse } from "node:http2";
import type { Clock } from "../core/clock.ts";
import type { EventBus } from "../core/events.ts";
import { refused, type Refused, type RefusedReason } from "../core/outcome.ts";
import type { Connection } from "./connection.ts";
import { lingerThenEnd } from "./linger.ts";
import { problemOfTurnedAway, type Problem } from "./problems.ts";

interface TurnAwayParts {
  readonly bus: EventBus;
}

/** Answers a request on which the gateway itself failed before it was an exchange, and closes its connection. */
export function answerFault(response: ServerResponse, clock: Clock): void {
  const detail = "the gateway failed on this request; its log tells more";
  if (response.headersSent) response.destroy();
  else write(response, problemOfTurnedAway("internal", detail, "none"), clock);
}

/** Answers a request that must not become an exchange, and closes its connection: what follows on it cannot be trusted. */
export function turnAway(
  response: ServerResponse,
  why: Refused,
  parts: TurnAwayParts & { readonly clock: Clock },
  address: string,
  id: string,
): void {
  const problem = problemOfTurnedAway(why.reason, why.detail, id);
  write(response, problem, parts.clock);
  parts.bus.publish("spillway:turned-away", {
    reason: why.reason,
    status: problem.status,
    detail: why.detail,
    address,
  });
}

function write(response: ServerResponse, problem: Problem, clock: Clock): void {
  const body = Buffer.from(problem.body);
  const headers = [
    "Content-Type",
    "application/problem+json",
    "Content-Length",
    String(body.length),
    "Cache-Control",
    "no-store",
  ];
  if (!(response instanceof Http2ServerResponse)) headers.push("Connection", "close");
  response.writeHead(problem.status, headers);
  const { headers: fields, complete, httpVersionMajor } = response.req;
  const announced = fields["transfer-encoding"] !== undefined || (fields["content-length"] ?? "0") !== "0";
  if (httpVersionMajor === 1 && announced && !complete) lingerThenEnd(response.req, response, body, clock);
  else response.end(body);
}

/** What Node's parser says about a request it could not read. */
export function parserRefusal(error: Error & { code?: string }): Refused {
  switch (error.code ?? "") {
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

/** How long, and for how many octets, a client may go on sending after a parse error was answered. */
const LINGER_MS = 1000;
const LINGER_OCTETS = 1024 * 1024;

/**
 * Deals with a parse error. Requests that were whole are answered first, then comes the answer to what could not be
 * read; in the middle of an answer more octets would be taken for a part of it, so there the connection is cut.
 */
export function answerParseError(
  error: Error & { code?: string },
  socket: Socket,
  connection: Connection | undefined,
  parts: TurnAwayParts & { readonly clock: Clock },
): void {
  if (error.code === "ECONNRESET" || error.code === "EPIPE") {
    socket.destroy();
    return;
  }
  // Octets behind the first error, or behind what was refused, only repeat it: the connection is ending.
  if (connection?.poison === "unreadable" || connection?.poison === "refused" || socket.writableEnded) return;
  const why = parserRefusal(error);
  if (!connection || connection.betweenRequests) {
    // Octets behind a request that asked for the end of the connection: its answer ends it.
    const ends = connection?.poison === "last" || error.code === "HPE_CLOSED_CONNECTION";
    connection?.stop("unreadable");
    if (ends) return;
    const answer = (): void => {
      if (!socket.writable) return;
      endLingering(socket, rawAnswer(why.reason, why.detail), parts.clock);
      tell(why, socket, parts);
    };
    if (connection) connection.whenIdle(answer);
    else answer();
    return;
  }
  connection.stop("unreadable");
  if (connection.outstanding > 1 || connection.current?.headersSent === true || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(rawAnswer(why.reason, why.detail));
  socket.destroySoon();
  tell(why, socket, parts);
}

function tell(why: Refused, socket: Socket, { bus }: TurnAwayParts): void {
  bus.publish("spillway:turned-away", {
    reason: why.reason,
    status: problemOfTurnedAway(why.reason, "", "none").status,
    detail: why.detail,
    address: socket.remoteAddress ?? "",
  });
}

/** Says the last word. Closing at once would reset a client that still sends, and could take the answer with it. */
function endLingering(socket: Socket, text: string, clock: Clock): void {
  const before = socket.bytesRead;
  socket.end(text);
  let left = LINGER_MS;
  const look = (): void => {
    left -= LINGER_MS / 10;
    if (left <= 0 || socket.bytesRead - before > LINGER_OCTETS) socket.destroy();
    else stop = clock.after(LINGER_MS / 10, look, "background");
  };
  let stop = clock.after(LINGER_MS / 10, look, "background");
  socket.once("close", () => stop());
}

function rawAnswer(reason: RefusedReason, detail: string): string {
  const { status, body } = problemOfTurnedAway(reason, detail, "none");
  return `HTTP/1.1 ${status} \r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}
