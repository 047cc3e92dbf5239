/** JSON lines, one a request. Only this file knows pino. Header values, queries and bodies are never logged. */
import { pino, type Logger } from "pino";
import type { Clock, Random } from "../core/clock.ts";
import type { EventBus, ExchangeEnded } from "../core/events.ts";
import { redactText } from "../core/redact.ts";
import { createLineBuffer, lineBufferDefaults, type LineBufferSettings } from "./line-buffer.ts";
import { clean, hardenLine } from "./log-text.ts";
import { requestLine } from "./request-line.ts";
import type { Sink } from "./sink.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** `true`: a line for every request. A share keeps everything that is not served well, and so much of the rest. */
export type AccessLog = boolean | { readonly sample: number };

export interface Log {
  /** A line with `"event": event`. Texts in `fields` are redacted and cut at 1 kB. */
  write(level: Exclude<LogLevel, "silent">, event: string, fields?: object): void;
  /** Like {@link Log.write}, but whatever the level: for what tools wait for, such as "listening". */
  announce(event: string, fields?: object): void;
  /** A line with `"event": "audit"`, at every level; when the destination takes none it goes to the spare one. */
  audit(entry: object): void;
  setAccessLog(accessLog: AccessLog): void;
  /** Lines the destination did not take, so far. */
  dropped(): number;
  /** Stops listening and writes what waits, for a second at most. */
  close(): Promise<void>;
}

export interface LogParts {
  readonly bus: EventBus;
  readonly destination: Sink;
  /** For audit lines that `destination` does not take, such as standard error. Default: they are dropped too. */
  readonly spare?: Sink;
  readonly accessLog: AccessLog;
  readonly level: LogLevel;
  readonly clock: Clock;
  readonly random: Random;
  /** Takes secrets out of texts that others made. Default: what looks like credentials. */
  readonly redact?: (text: string) => string;
  readonly buffer?: LineBufferSettings;
}

/** Lines a second of one kind that a client can cause at will without becoming an exchange; more are counted. */
const BURST = 10;

/** Errors of a refused reload that are logged; the rest is in the answer to whoever asked for it. */
const MOST_ERRORS = 10;

export function createLog(parts: LogParts): Log {
  const { bus, clock, random, redact = redactText, buffer = lineBufferDefaults } = parts;
  const lines = createLineBuffer(parts.destination, clock, buffer);
  const spare = parts.spare && createLineBuffer(parts.spare, clock, buffer);
  const events = jsonLogger(parts.level, clock, (line) => lines.add(line));
  const announcements = jsonLogger("info", clock, (line) => lines.add(line));
  const audits = jsonLogger("info", clock, (line) => lines.add(line) || spare?.add(line));
  let accessLog = parts.accessLog;

  const write: Log["write"] = (level, event, fields = {}) => events[level](clean({ event, ...fields }, redact));
  const bursts = createBursts(clock, (kind, count) => write("warn", "suppressed", { kind, lines: count }));
  const unsubscribe = [
    bus.subscribe("spillway:exchange", (event) => {
      const level = levelOf(event);
      if (isWanted(event, accessLog, random) && events.isLevelEnabled(level)) {
        lines.add(requestLine(level, clock.wall(), event, redact));
      }
    }),
    ...subscribeRest(bus, write, bursts),
  ];
  return {
    write,
    announce: (event, fields = {}) => announcements.info(clean({ event, ...fields }, redact)),
    audit: (entry) => audits.info(clean({ event: "audit", ...entry }, redact)),
    setAccessLog(next) {
      accessLog = next;
    },
    dropped: () => lines.dropped(),
    async close() {
      for (const end of unsubscribe) end();
      bursts.close();
      await Promise.all([lines.close(), spare?.close()]);
    },
  };
}

function jsonLogger(level: LogLevel, clock: Clock, add: (line: string) => unknown): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":${Math.trunc(clock.wall())}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write(line: string) {
        add(hardenLine(line));
      },
    },
  );
}

function subscribeRest(bus: EventBus, write: Log["write"], bursts: Bursts): (() => void)[] {
  return [
    bus.subscribe("spillway:turned-away", ({ reason, status, detail, address }) => {
      if (bursts.allow("turned-away")) write("info", "turned-away", { reason, status, detail, client: address });
    }),
    bus.subscribe("spillway:fault", ({ where, error }) => {
      if (bursts.allow("fault")) write("error", "fault", { where, error: error.message, stack: error.stack });
    }),
    bus.subscribe("spillway:reload", ({ outcome, hash, errors }) => {
      const level = outcome === "refused" ? "error" : "info";
      const some = errors.length > 0 ? errors.slice(0, MOST_ERRORS) : undefined;
      write(level, "reload", { outcome, hash, errors: some });
    }),
    bus.subscribe("spillway:worker", ({ worker, pid, change }) => {
      if (change.kind === "serving") return write("info", "worker-serving", { worker, pid });
      const { reason, detail, replacedIn } = change;
      write(replacedIn === undefined ? "info" : "warn", "worker-gone", { worker, pid, reason, detail, replacedIn });
    }),
    bus.subscribe("spillway:redis", ({ role, state, reason }) => {
      if (state === "up") write("info", "redis-up", { role });
      else if (bursts.allow("redis")) write("warn", "redis-down", { role, reason });
    }),
    bus.subscribe("spillway:cache-tier", ({ tier, state, reason }) => {
      if (state === "closed") write("info", "cache-tier-back", { tier });
      else if (bursts.allow("cache-tier")) write("warn", "cache-tier-left-out", { tier, reason });
    }),
    bus.subscribe("spillway:cache-warm", ({ plan, change }) => {
      if (change.kind === "request" || (change.state !== "done" && change.state !== "cancelled")) return;
      const { kind: _, ...counts } = change;
      write(change.failed > 0 ? "warn" : "info", "cache-warmed", { plan, ...counts });
    }),
    bus.subscribe("spillway:target", ({ dependency, target, change: { kind, ...figures } }) => {
      const level = kind === "ejected" || kind === "unhealthy" ? "warn" : "info";
      if (bursts.allow("target")) write(level, `target-${kind}`, { dependency, target, ...figures });
    }),
    bus.subscribe("spillway:saturation", ({ state, seats, waiting, utilisation }) => {
      if (state === "room") write("info", "event-loop-has-room", { waiting });
      else if (bursts.allow("event-loop-full")) write("warn", "event-loop-full", { seats, waiting, utilisation });
    }),
    bus.subscribe("spillway:breaker", ({ dependency, from, to, reason }) => {
      const level = to === "open" || to === "isolated" ? "warn" : "info";
      if (bursts.allow("breaker")) write(level, "breaker", { dependency, from, to, reason });
    }),
    bus.subscribe("spillway:drain", ({ phase, open }) => write("info", "drain", { phase, open })),
  ];
}

function isWanted(event: ExchangeEnded, accessLog: AccessLog, random: Random): boolean {
  if (typeof accessLog === "boolean") return accessLog;
  const { kind } = event.outcome;
  const well = kind !== "refused" && kind !== "failed" && event.status < 400 && event.whole;
  return !well || random() < accessLog.sample;
}

function levelOf({ outcome }: ExchangeEnded): "info" | "warn" | "error" {
  if (outcome.kind !== "failed" || outcome.reason === "client-gone") return "info";
  return outcome.reason === "internal" ? "error" : "warn";
}

interface Bursts {
  allow(kind: string): boolean;
  close(): void;
}

/** Lets {@link BURST} lines a second of each kind pass and reports each second how many it did not. */
function createBursts(clock: Clock, report: (kind: string, suppressed: number) => void): Bursts {
  const seen = new Map<string, number>();
  const settle = (): void => {
    for (const [kind, count] of seen) if (count > BURST) report(kind, count - BURST);
    seen.clear();
  };
  const stop = clock.every(1000, settle);
  return {
    allow(kind) {
      const count = (seen.get(kind) ?? 0) + 1;
      seen.set(kind, count);
      return count <= BURST;
    },
    close() {
      stop();
      settle();
    },
  };
}
