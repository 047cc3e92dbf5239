import type { BackplaneStatus, EventBus } from "../core/events.ts";
import { createTally, type Tally } from "./label.ts";
import { tallyView, type View } from "./view.ts";

/** Words of ours, so this is a safety net. */
const MOST_RESULTS = 8;

/** The newest word of the backplane. */
export interface BackplaneReading {
  /** Undefined: there is none. */
  last(): BackplaneStatus | undefined;
  /** Comparisons of memory with the next tier, by result. */
  readonly compared: Tally;
  /** Stops listening; what was heard can still be read. */
  readonly close: () => void;
}

export function createBackplaneReading(bus: EventBus): BackplaneReading {
  const heard: { last: BackplaneStatus | undefined } = { last: undefined };
  const compared = createTally(MOST_RESULTS);
  const ends = [
    bus.subscribe("spillway:backplane", (status) => {
      heard.last = status;
    }),
    bus.subscribe("spillway:cache-compared", ({ result }) => compared.add(result)),
  ];
  return {
    last: () => heard.last,
    compared,
    close() {
      for (const end of ends) end();
    },
  };
}

type Row = readonly [
  name: string,
  help: string,
  type: View["type"],
  aggregator: View["aggregator"],
  read: (status: BackplaneStatus) => number,
];

const ROWS: readonly Row[] = [
  [
    "in_step",
    "1 while the log of purges is read as it grows; of several processes the worst",
    "gauge",
    "min",
    ({ state }) => (state === "in-step" ? 1 : 0),
  ],
  ["lag_seconds", "Since the log of purges was last read to its end", "gauge", "max", ({ lagMs }) => lagMs / 1000],
  [
    "position",
    "Of the last purge of the log that is in force; of several processes the oldest",
    "gauge",
    "min",
    ({ position }) => position,
  ],
  ["applied_total", "Purges read from the log", "counter", "sum", ({ applied }) => applied],
  ["published_total", "Targets of purges brought into the log", "counter", "sum", ({ published }) => published],
  ["outbox_targets", "Targets of purges that wait for the log to be back", "gauge", "sum", ({ waiting }) => waiting],
  [
    "outbox_dropped_total",
    "Targets that gave way to one soft purge of everything, because too many waited",
    "counter",
    "sum",
    ({ dropped }) => dropped,
  ],
];

type KindRow = readonly [name: string, help: string, label: string, read: (status: BackplaneStatus) => object];

const KIND_ROWS: readonly KindRow[] = [
  ["gaps_total", "Times that purges were missed: trimmed away, or lost by Redis", "kind", ({ gaps }) => gaps],
  ["checks_total", "Kept answers from before a gap, by what became of them", "result", ({ checks }) => checks],
];

/** The metrics of {@link BackplaneReading}: all but the comparisons have no value without a backplane. */
export function backplaneViews({ last, compared }: BackplaneReading): View[] {
  const named = (name: string): string => `spillway_backplane_${name}`;
  return [
    ...ROWS.map(([name, help, type, aggregator, read]): View => {
      const samples = () => [last()].flatMap((status) => (status ? [{ labels: {}, value: read(status) }] : []));
      return { name: named(name), help, type, aggregator, samples };
    }),
    ...KIND_ROWS.map(([name, help, label, read]): View => {
      const samples = () => {
        const status = last();
        return Object.entries(status ? read(status) : {}).map(([kind, count]) => ({
          labels: { [label]: kind },
          value: Number(count),
        }));
      };
      return { name: named(name), help, type: "counter", aggregator: "sum", samples };
    }),
    tallyView(
      "spillway_cache_compared_total",
      "Answers from memory that were compared with the next tier: behind and ahead were mended",
      "result",
      compared,
    ),
  ];
}
