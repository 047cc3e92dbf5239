import type { IncomingMessage } from "node:http";
import type { Head } from "./fields.ts";

/** A version of 2.0 alone proves nothing: anybody can write it into an HTTP/1 request line. */
export const isHttp2 = (request: IncomingMessage): boolean => request.httpVersionMajor === 2 && "stream" in request;

/** RFC 6455 section 4.1: a GET without a body, whose key is 16 octets in base64. */
export const isHandshake = (request: IncomingMessage, head: Head): boolean =>
  request.method === "GET" &&
  request.httpVersion === "1.1" &&
  head.upgrade === "websocket" &&
  !head.chunked &&
  !head.contentLength &&
  /^[A-Za-z0-9+/]{22}==$/.test(head.websocketKey ?? "");
