import { availableParallelism } from "node:os";
import type { ConfigSource } from "../config/source.ts";
import { isLoopback } from "../core/address.ts";
import { systemClock, systemRandom } from "../core/clock.ts";
import { issueLine, UsageError } from "../core/errors.ts";
import { workerCount } from "../cluster/size.ts";
import type { Running, RunParts } from "../cluster/solo.ts";
import { openSink } from "../telemetry/sink.ts";
import { EXIT, type Io } from "./command.ts";

/**
 * Throws a UsageError for who would serve other machines with all rights on this one and has not said that it is meant,
 * by `--allow-root` or `SPILLWAY_ALLOW_ROOT=1`.
 */
export function refuseRoot(host: string, allowed: boolean, { isRoot, env }: Pick<Io, "isRoot" | "env">): void {
  if (!isRoot || allowed || isLoopback(host) || env["SPILLWAY_ALLOW_ROOT"] === "1") return;
  throw new UsageError(
    `will not serve other machines (listen.host ${host}) as root: run it as a user of its own, listen on 127.0.0.1, or say --allow-root or SPILLWAY_ALLOW_ROOT=1`,
  );
}

/** Starts a gateway from a source of configuration, in as many processes as it says; its log goes to standard output. */
export async function startGateway(source: ConfigSource, io: Io, allowRoot = false): Promise<Running> {
  const first = await source.load();
  for (const warning of first.warnings) io.stderr.write(`warning: ${issueLine(warning)}\n`);
  refuseRoot(first.config.listen.host, allowRoot, io);
  const parts: RunParts = {
    source,
    first,
    clock: systemClock,
    random: systemRandom,
    version: io.version,
    nodeVersion: process.versions.node,
    out: openSink(1),
    spare: openSink(2),
  };
  const workers = workerCount(first.config.listen.workers, availableParallelism());
  // Only now: commands that ask a running gateway do without what serves, and start in less time.
  if (workers > 1) return (await import("../cluster/primary.ts")).runPrimary({ ...parts, workers });
  return (await import("../cluster/solo.ts")).runSolo(parts);
}

/**
 * Serves until a signal says otherwise: SIGTERM and SIGINT drain, a second one ends at once, SIGHUP reloads. What nobody
 * caught is told to the gateway, which serves on.
 */
export async function serveUntilSignalled(running: Running, io: Io): Promise<number> {
  let asked = false;
  const cut = Promise.withResolvers<number>();
  const end = (): void => {
    if (asked) void running.stop().then(() => cut.resolve(EXIT.failure));
    else running.control.drain();
    asked = true;
  };
  const handlers = [
    io.onSignal("SIGTERM", end),
    io.onSignal("SIGINT", () => {
      if (!asked) io.stderr.write("draining; Ctrl-C again ends it at once\n");
      end();
    }),
    io.onSignal("SIGHUP", () => void running.control.reload()),
    io.onFault?.(running.fault),
  ];
  try {
    return await Promise.race([running.ended, cut.promise]);
  } finally {
    for (const remove of handlers) remove?.();
  }
}
