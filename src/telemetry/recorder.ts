import type { Clock } from "../core/clock.ts";
import { LONGEST_PATH, REMEMBERED, type AnsweredBy, type Decision, type DecisionsAsk } from "../core/decisions.ts";
import type { EventBus, ExchangeEnded } from "../core/events.ts";
import type { Outcome, RefusedReason } from "../core/outcome.ts";

/** The last decisions of one process, for whoever asks why a request got its answer. */
export interface Recorder {
  find(ask: DecisionsAsk): readonly Decision[];
  /** Stops listening; what was recorded can still be read. */
  close(): void;
}

export interface RecorderParts {
  readonly bus: EventBus;
  readonly clock: Clock;
  /** Decisions that are remembered; older ones give way. Default: {@link REMEMBERED}, some 4 MiB. */
  readonly size?: number;
}

export function createRecorder({ bus, clock, size = REMEMBERED }: RecorderParts): Recorder {
  const ring: Decision[] = [];
  let next = 0;
  const close = bus.subscribe("spillway:exchange", (event) => {
    ring[next] = decisionOf(event, clock.wall());
    next = (next + 1) % size;
  });
  return {
    close,
    find(ask) {
      const found: Decision[] = [];
      for (let back = 1; back <= ring.length && found.length < ask.limit; back++) {
        const decision = ring[(next - back + size) % size]!;
        if (answers(decision, ask)) found.push(decision);
      }
      return found;
    },
  };
}

const answers = (decision: Decision, { id, route, outcome, reason }: DecisionsAsk): boolean =>
  (id === undefined || decision.id === id) &&
  (route === undefined || decision.route === route) &&
  (outcome === undefined || decision.outcome === outcome) &&
  (reason === undefined || decision.reason === reason || decision.insteadOf === reason);

/** What is worth remembering of an exchange that is over. `at` in milliseconds since 1970. */
export function decisionOf(event: ExchangeEnded, at: number): Decision {
  const { exchange, outcome } = event;
  const unserved = outcome.kind === "refused" || outcome.kind === "failed" ? outcome : undefined;
  const served = outcome.kind === "served" ? outcome : undefined;
  const use = served?.cache ?? unserved?.cache;
  return {
    id: exchange.id,
    at,
    method: exchange.method,
    path: briefly(exchange.path),
    route: exchange.route.name,
    dependency: exchange.route.dependency,
    class: exchange.class,
    cohort: exchange.cohort,
    patienceMs: Number.isFinite(exchange.deadline) ? exchange.deadline - exchange.startedAt : undefined,
    status: event.status,
    outcome: outcome.kind,
    answeredBy: answeredBy(outcome),
    reason: unserved?.reason,
    detail: unserved?.detail,
    insteadOf: served?.insteadOf,
    cache: use?.result,
    tier: use && "tier" in use ? use.tier : undefined,
    staleMs: use && "staleMs" in use ? use.staleMs : undefined,
    admission: served?.admission ?? unserved?.admission,
    durationMs: event.durationMs,
    dependencyMs: event.dependencyMs,
    whole: event.whole,
  };
}

/** A long path as a string of its own: a part of one would keep the whole of it. */
const briefly = (path: string): string =>
  path.length <= LONGEST_PATH ? path : Buffer.from(path.slice(0, LONGEST_PATH), "latin1").toString("latin1");

const REFUSES: Readonly<Record<RefusedReason, AnsweredBy>> = {
  malformed: "edge",
  "head-too-large": "edge",
  "head-timeout": "edge",
  "body-too-large": "edge",
  "body-timeout": "edge",
  expectation: "edge",
  "no-route": "edge",
  "method-not-allowed": "edge",
  "upgrade-refused": "edge",
  loop: "edge",
  unsupported: "edge",
  memory: "edge",
  busy: "edge",
  quota: "quota",
  "back-off": "cache",
  "not-stored": "cache",
  shed: "admission",
  full: "admission",
  wait: "admission",
  deadline: "admission",
};

function answeredBy(outcome: Outcome): AnsweredBy {
  switch (outcome.kind) {
    case "refused":
      return REFUSES[outcome.reason];
    case "failed":
    case "tunnelled":
      return "dependency";
    case "handed-on":
      return "host";
    case "served":
      if (outcome.cache?.result === "fallback") return "fallback";
      return outcome.by === "gateway" ? "route" : outcome.by;
  }
}
