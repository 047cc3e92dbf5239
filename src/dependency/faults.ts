import { failed, type Failed } from "../core/outcome.ts";

/** Of Node or undici; "" when it has none. */
export const codeOf = (error: Error): string => ("code" in error && typeof error.code === "string" ? error.code : "");

/** Whether the connection just ended: the sign of an idle connection that the dependency closed as we took it. */
export function isBrokenConnection(error: Error): boolean {
  const code = codeOf(error);
  return code === "ECONNRESET" || code === "EPIPE" || (code === "UND_ERR_SOCKET" && !isBadMessage(error));
}

/** Whether it was us who could or would not send: it says nothing of the target. */
export const isOurOwn = (error: Error): boolean => OUR_OWN.has(codeOf(error));

const OUR_OWN: ReadonlySet<string> = new Set([
  "UND_ERR_ABORTED",
  "UND_ERR_CLOSED",
  "UND_ERR_DESTROYED",
  "UND_ERR_INVALID_ARG",
  "UND_ERR_NOT_SUPPORTED",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
]);

const isBadMessage = (error: Error): boolean => error.message === "bad response" || error.message === "bad upgrade";

/** What an error of the HTTP client means. `connected` tells whether the request had a connection when it came. */
export function failureOf(error: Error, connected: boolean, dependency: string): Failed {
  const code = codeOf(error);
  if (code === "UND_ERR_CONNECT_TIMEOUT") {
    return failed("connect-timeout", `${dependency} took no connection in time`, error);
  }
  if (!connected) return failed("connect", `${dependency} could not be reached`, error);
  if (
    // undici gives a code to some errors of its parser only.
    error.name === "HTTPParserError" ||
    code.startsWith("HPE_") ||
    code === "UND_ERR_HEADERS_OVERFLOW" ||
    isBadMessage(error) ||
    code.startsWith("UND_ERR_RES")
  ) {
    return failed("bad-response", `${dependency} gave an answer that is not valid HTTP/1.1`, error);
  }
  return failed("reset", `${dependency} closed the connection before it had answered`, error);
}
