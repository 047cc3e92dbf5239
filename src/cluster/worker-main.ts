/** Entry of a worker process; started by the primary and by nobody else. */
import cluster from "node:cluster";
import { systemClock, systemRandom } from "../core/clock.ts";
import { openSink } from "../telemetry/sink.ts";
import { wholeLines } from "../telemetry/whole-lines.ts";
import { Worker } from "./worker.ts";

const self = cluster.worker;
if (!self) throw new Error("this file is started by the primary: run `spillway start` with listen.workers above 1");

const worker = new Worker({
  link: {
    send(message) {
      if (self.isConnected()) self.send(message, () => {});
    },
    exit: (code) => process.exit(code),
  },
  clock: systemClock,
  random: systemRandom,
  nodeVersion: process.versions.node,
  // Standard output and error belong to all workers and the primary.
  out: wholeLines(openSink(1)),
  spare: wholeLines(openSink(2)),
});

// Left to itself Node ends a worker at once, with everything in it, when the primary is gone.
self.exitedAfterDisconnect = true;
process.on("message", (message) => worker.receive(message));
process.on("disconnect", () => worker.orphaned());
process.on("uncaughtException", (error, origin) => worker.broken(`worker ${origin}`, error));
// A service manager may signal every process of a group; a terminal does. The primary then says what is to be done,
// but a SIGTERM may also be meant for this worker alone.
process.on("SIGTERM", () => worker.retire());
process.on("SIGINT", () => {});
process.on("SIGHUP", () => {});
