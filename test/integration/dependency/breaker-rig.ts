import { Agent, request, type ServerResponse } from "node:http";
import { startOrigin } from "../../support/raw-origin.ts";

/** How an origin behaves; `hang` and `slow` answer when they are released, or never. */
export type Mood = "well" | "failing" | "hang" | "reset";

export interface Answer {
  readonly status: number;
  readonly reason: string | undefined;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

/** An origin that can be told how to behave. */
export async function startMoodyOrigin() {
  const held = new Set<ServerResponse>();
  const state = { mood: "well" as Mood, asked: 0 };
  const origin = await startOrigin((incoming, response) => {
    state.asked++;
    if (state.mood === "well") response.end(`well ${incoming.url}`);
    else if (state.mood === "failing") response.writeHead(500).end("failing");
    else if (state.mood === "reset") incoming.socket.destroy();
    else {
      held.add(response);
      response.on("close", () => held.delete(response));
    }
  });
  return {
    url: origin.url,
    state,
    /** Requests it has not answered. */
    held: () => held.size,
    release(): void {
      for (const response of held) response.end("late");
      held.clear();
    },
    close: () => origin.close(),
    [Symbol.asyncDispose]: () => origin.close(),
  };
}

/** A client with kept connections. */
export function startClient(port: number) {
  const agent = new Agent({ keepAlive: true });
  return {
    ask: (path = "/", options: { readonly signal?: AbortSignal; readonly headers?: Record<string, string> } = {}) =>
      new Promise<Answer>((resolve, reject) => {
        const sent = request({ port, host: "127.0.0.1", path, agent, ...options }, (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({
              status: response.statusCode!,
              reason: response.headers["content-type"] === "application/problem+json" ? reasonIn(text) : undefined,
              retryAfter: response.headers["retry-after"],
              text,
            }),
          );
        });
        sent.on("error", reject);
        sent.end();
      }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

const reasonIn = (text: string): string => (JSON.parse(text) as { spillway: { reason: string } }).spillway.reason;
