import { setTimeout as sleep } from "node:timers/promises";
import { connectRaw, type RawClient } from "./raw-client.ts";

/** What became of the requests of a load. */
export interface LoadTally {
  /** By status. */
  readonly answers: Map<number, number>;
  /** Requests that were sent and got no whole answer. */
  lost: number;
  /** Connections that nobody took: by code, such as ECONNREFUSED. */
  readonly refused: Map<string, number>;
  connections: number;
}

export interface SteadyLoad {
  readonly tally: LoadTally;
  /** Requests answered so far. */
  answered(): number;
  /** No new connections: those that stand go on until the server ends them. Resolves when none is left. */
  noneNew(): Promise<void>;
  /** Ends after the requests under way. */
  stop(): Promise<void>;
}

interface LoadOptions {
  readonly port: number;
  readonly path?: string;
  /** Connections at a time. */
  readonly clients: number;
  /** Requests a connection. Default: as many as the server lets it. */
  readonly perConnection?: number;
  /** Milliseconds between an answer and the next request, so that the load leaves room on the machine. Default 0. */
  readonly pauseMs?: number;
}

type Pace = "full" | "none-new" | "stop";

/** Clients that send one request after the other and connect anew whenever the server ends a connection. */
export function startLoad({
  port,
  path = "/",
  clients,
  perConnection = Infinity,
  pauseMs = 0,
}: LoadOptions): SteadyLoad {
  const tally: LoadTally = { answers: new Map(), lost: 0, refused: new Map(), connections: 0 };
  const state: { pace: Pace } = { pace: "full" };
  const client = async (): Promise<void> => {
    while (state.pace === "full") {
      let connection: RawClient;
      try {
        connection = await connectRaw(port);
      } catch (thrown) {
        count(tally.refused, (thrown as NodeJS.ErrnoException).code ?? "unknown");
        await sleep(5);
        continue;
      }
      tally.connections += 1;
      using _ = connection;
      await converse(connection);
    }
  };
  const converse = async (connection: RawClient): Promise<void> => {
    for (let sent = 0; sent < perConnection && state.pace !== "stop"; sent++) {
      try {
        await connection.send(`GET ${path} HTTP/1.1\r\nHost: gateway\r\n\r\n`);
        const answer = await connection.readResponse({ timeoutMs: 10_000 });
        count(tally.answers, answer.status);
        if (pauseMs > 0) await sleep(pauseMs);
        if (answer.header("connection")?.toLowerCase() === "close") return;
      } catch {
        tally.lost += 1;
        return;
      }
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  const slowTo = async (pace: Pace): Promise<void> => {
    state.pace = pace;
    await all;
  };
  return {
    tally,
    answered: () => [...tally.answers.values()].reduce((sum, n) => sum + n, 0),
    noneNew: () => slowTo("none-new"),
    stop: () => slowTo("stop"),
  };
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
