import type { BackplaneStatus, EventBus } from "../core/events.ts";
import { single, type View } from "./view.ts";

/** The newest word of the backplane. */
export interface BackplaneReading {
  /** Undefined: there is none. */
  last(): BackplaneStatus | undefined;
  /** Stops listening; what was heard can still be read. */
  readonly close: () => void;
}

export function createBackplaneReading(bus: EventBus): BackplaneReading {
  const heard: { last: BackplaneStatus | undefined } = { last: undefined };
  const close = bus.subscribe("spillway:backplane", (status) => {
    heard.last = status;
  });
  return { last: () => heard.last, close };
}

/** The metrics of {@link BackplaneReading}: none without a backplane. */
export function backplaneViews({ last }: BackplaneReading): View[] {
  const row = (
    name: string,
    help: string,
    type: "counter" | "gauge",
    aggregator: "sum" | "min" | "max",
    read: (status: BackplaneStatus) => number,
  ): View => {
    const view = single(`spillway_backplane_${name}`, help, type, aggregator, () => 0);
    return {
      ...view,
      samples() {
        const status = last();
        return status ? [{ labels: {}, value: read(status) }] : [];
      },
    };
  };
  const byKind = (name: string, help: string, label: string, read: (status: BackplaneStatus) => object): View => ({
    name: `spillway_backplane_${name}`,
    help,
    type: "counter",
    aggregator: "sum",
    samples() {
      const status = last();
      return status
        ? Object.entries(read(status)).map(([value, count]) => ({ labels: { [label]: value }, value: Number(count) }))
        : [];
    },
  });
  return [
    row(
      "in_step",
      "1 while the log of purges is read as it grows; of several processes the worst",
      "gauge",
      "min",
      (s) => (s.state === "in-step" ? 1 : 0),
    ),
    row("lag_seconds", "Since the log of purges was last read to its end", "gauge", "max", (s) => s.lagMs / 1000),
    row(
      "position",
      "Of the last purge of the log that is in force; of several processes the oldest",
      "gauge",
      "min",
      (s) => s.position,
    ),
    row("applied_total", "Purges read from the log", "counter", "sum", (s) => s.applied),
    row("published_total", "Targets of purges brought into the log", "counter", "sum", (s) => s.published),
    row("outbox_targets", "Targets of purges that wait for the log to be back", "gauge", "sum", (s) => s.waiting),
    row(
      "outbox_dropped_total",
      "Targets that gave way to one soft purge of everything, because too many waited",
      "counter",
      "sum",
      (s) => s.dropped,
    ),
    byKind("gaps_total", "Times that purges were missed: trimmed away, or lost by Redis", "kind", (s) => s.gaps),
    byKind("checks_total", "Kept answers from before a gap, by what became of them", "result", (s) => s.checks),
  ];
}
