import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** What HTTP servers of this process hold of answers that their clients have not taken. */
export interface BufferedAnswers extends Disposable {
  /** Octets that wait in this process, by client connection of the server on `port`. What the kernel holds does not count. */
  byConnection(port: number): number[];
}

/** Watches every HTTP/1 answer that begins from now on. */
export function watchAnswers(): BufferedAnswers {
  const answers = new Map<Socket, Set<ServerResponse>>();
  const ports = new Map<Socket, number>();
  const onStart = (message: unknown): void => {
    const { request, response, server } = message as {
      request: IncomingMessage;
      response: ServerResponse;
      server: Server;
    };
    const { socket } = request;
    ports.set(socket, (server.address() as AddressInfo).port);
    const open = answers.get(socket) ?? new Set();
    answers.set(socket, open.add(response));
    response.once("close", () => open.delete(response));
  };
  subscribe("http.server.request.start", onStart);
  return {
    byConnection: (port) =>
      [...answers]
        .filter(([socket]) => ports.get(socket) === port)
        .map(([, open]) => [...open].reduce((sum, response) => sum + response.writableLength, 0)),
    [Symbol.dispose]: () => void unsubscribe("http.server.request.start", onStart),
  };
}
