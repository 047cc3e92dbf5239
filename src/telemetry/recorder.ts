import type { Clock } from "../core/clock.ts";
import { REMEMBERED, type Decision, type DecisionsAsk } from "../core/decisions.ts";
import type { EventBus } from "../core/events.ts";
import { DecisionRing } from "./decision-ring.ts";

/** The last decisions of one process, for whoever asks why a request got its answer. */
export interface Recorder {
  find(ask: DecisionsAsk): readonly Decision[];
  /** Stops listening; what was recorded can still be read. */
  close(): void;
}

export interface RecorderParts {
  readonly bus: EventBus;
  readonly clock: Clock;
  /** Decisions that are remembered; older ones give way. Default: {@link REMEMBERED}, 6 MiB. */
  readonly size?: number;
}

export function createRecorder({ bus, clock, size = REMEMBERED }: RecorderParts): Recorder {
  const ring = new DecisionRing(size);
  const close = bus.subscribe("spillway:exchange", (event) => ring.add(event, clock.wall()));
  return {
    close,
    find(ask) {
      const found: Decision[] = [];
      for (let back = 0; back < ring.length && found.length < ask.limit; back++) {
        if (ask.id !== undefined && ring.idOf(back) !== ask.id) continue;
        const decision = ring.at(back);
        if (answers(decision, ask)) found.push(decision);
      }
      return found;
    },
  };
}

const answers = (decision: Decision, { route, outcome, reason }: DecisionsAsk): boolean =>
  (route === undefined || decision.route === route) &&
  (outcome === undefined || decision.outcome === outcome) &&
  (reason === undefined || decision.reason === reason || decision.insteadOf === reason);
