/** Worker processes by `node:cluster`. */
import cluster from "node:cluster";
import { fileURLToPath } from "node:url";
import type { ToWorker } from "./messages.ts";

/** A process that was started to work. */
export interface WorkerProcess {
  readonly pid: number;
  /** Never throws: what does not arrive is told by `onGone`, or by an answer that does not come. */
  send(message: ToWorker): void;
  /** Ends it now. */
  kill(): void;
}

export interface WorkerEvents {
  message(message: unknown): void;
  /** Once, when the process is no more. */
  gone(code: number | null, signal: string | null): void;
}

export type Fork = (events: WorkerEvents) => WorkerProcess;

/** Sets this process up as the primary. Connections never pass through it, whichever way the port is shared. */
export function clusterFork(): Fork {
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  cluster.setupPrimary({
    exec: fileURLToPath(new URL(`./worker-main.${extension}`, import.meta.url)),
    args: [],
    // Structured clones: a configuration's material has maps in it.
    serialization: "advanced",
  });
  return (events) => {
    const worker = cluster.fork();
    worker.on("message", (message: unknown) => events.message(message));
    worker.on("exit", (code: number | null, signal: string | null) => events.gone(code, signal));
    // A process that could not be started has no end of its own; other errors are followed by one.
    worker.on("error", () => {
      if (worker.process.pid === undefined) events.gone(null, null);
    });
    return {
      pid: worker.process.pid ?? 0,
      send(message) {
        if (worker.isConnected()) worker.send(message, () => {});
      },
      kill: () => void worker.process.kill("SIGKILL"),
    };
  };
}
