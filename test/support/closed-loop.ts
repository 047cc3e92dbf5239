import { Agent, request } from "node:http";

/** Clients that each send their next request when the last is answered, on connections that are kept alive. */
export interface ClosedLoop {
  readonly served: number;
  /** What was lost: a request that reached a connection and got no whole answer of status 200. */
  readonly lost: readonly string[];
  /** Connects that were refused: the port is closed, nothing was accepted. */
  readonly refused: number;
  /** Lets what is under way end, and sends no more. */
  stop(): Promise<void>;
}

export function startClosedLoop(port: number, clients: number, path = "/"): ClosedLoop {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const tally = { served: 0, refused: 0, going: true, lost: [] as string[] };
  const one = (): Promise<boolean> =>
    new Promise((resolve) => {
      const asked = request({ port, host: "127.0.0.1", path, agent }, (answer) => {
        let octets = 0;
        answer.on("data", (chunk: Buffer) => (octets += chunk.length));
        answer.on("close", () => {
          if (answer.complete && answer.statusCode === 200) tally.served += 1;
          else tally.lost.push(`status ${answer.statusCode}, ${octets} octets, complete: ${answer.complete}`);
          resolve(true);
        });
      });
      asked.on("error", (error: Error & { code?: string }) => {
        if (error.code === "ECONNREFUSED") tally.refused += 1;
        else tally.lost.push(`${error.code ?? ""} ${error.message} reused: ${asked.reusedSocket}`);
        resolve(error.code !== "ECONNREFUSED");
      });
      asked.end();
    });
  const client = async (): Promise<void> => {
    while (tally.going && (await one())) continue;
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return {
    get served() {
      return tally.served;
    },
    get refused() {
      return tally.refused;
    },
    lost: tally.lost,
    async stop() {
      tally.going = false;
      await all;
      agent.destroy();
    },
  };
}
