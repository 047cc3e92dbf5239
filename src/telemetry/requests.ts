/** Counts of the request path: numbers in maps, turned into series only when somebody asks for them. */
import { STATUS_CODES } from "node:http";
import type { ExchangeEnded } from "../core/events.ts";
import { OTHER } from "./label.ts";

/** Upper bounds in seconds, the ones OpenTelemetry recommends for `http.server.request.duration`. */
export const DURATION_BOUNDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/**
 * After so many series of requests a new one is counted under code {@link OTHER}. A client that picks its status, as
 * with an echo service behind us, cannot pass it.
 */
export const MAX_REQUEST_SERIES = 1000;

/** Requests of one route, class, outcome and code. */
export interface RequestSeries {
  readonly route: string;
  readonly class: string;
  readonly outcome: string;
  readonly code: string;
  count: number;
}

/** One route's durations and octets. */
export interface RouteFigures {
  readonly route: string;
  /** Requests by bucket, not cumulated; the last one has no upper bound. */
  readonly buckets: Float64Array;
  seconds: number;
  bytes: number;
  cut: number;
}

export interface RequestCounts {
  count(event: ExchangeEnded): void;
  /** Routes that have a series of their own; counts of those left out are dropped. */
  setRoutes(names: readonly string[]): void;
  series(): Iterable<RequestSeries>;
  routes(): Iterable<RouteFigures>;
}

interface RouteRow {
  readonly figures: RouteFigures;
  /** By class, outcome and code in one number. */
  readonly series: Map<number, RequestSeries>;
}

const classes = ["system", "critical", "default", "sheddable", "bulk"];
const outcomes = ["served", "handed-on", "tunnelled", "refused", "failed"];

const knownCodes: ReadonlySet<number> = new Set([...Object.keys(STATUS_CODES).map(Number), 499]);

export function createRequestCounts(names: readonly string[]): RequestCounts {
  let rows = new Map<string, RouteRow>();
  let size = 0;
  const setRoutes = (list: readonly string[]): void => {
    const next = new Map<string, RouteRow>();
    for (const route of [...list, OTHER]) next.set(route, rows.get(route) ?? emptyRow(route));
    rows = next;
    size = 0;
    for (const row of rows.values()) size += row.series.size;
  };
  const open = (row: RouteRow, classAt: number, outcomeAt: number, status: number): RequestSeries => {
    const known = status !== 0 && knownCodes.has(status) && size < MAX_REQUEST_SERIES;
    const key = seriesKey(known ? status : 0, classAt, outcomeAt);
    let found = row.series.get(key);
    if (!found) {
      found = {
        route: row.figures.route,
        class: classes[classAt] ?? OTHER,
        outcome: outcomes[outcomeAt] ?? OTHER,
        code: known ? String(status) : OTHER,
        count: 0,
      };
      row.series.set(key, found);
      size += 1;
    }
    return found;
  };
  setRoutes(names);
  return {
    setRoutes,
    count(event) {
      const row = rows.get(event.exchange.route.name) ?? rows.get(OTHER)!;
      const classAt = classes.indexOf(event.exchange.class);
      const outcomeAt = outcomes.indexOf(event.outcome.kind);
      const found =
        row.series.get(seriesKey(event.status, classAt, outcomeAt)) ?? open(row, classAt, outcomeAt, event.status);
      found.count += 1;
      observe(row.figures, event);
    },
    *series() {
      for (const row of rows.values()) yield* row.series.values();
    },
    *routes() {
      for (const row of rows.values()) yield row.figures;
    },
  };
}

/** Unknown classes and outcomes are -1 and get the place after the known ones. */
function seriesKey(status: number, classAt: number, outcomeAt: number): number {
  return status * 64 + (classAt < 0 ? 7 : classAt) * 8 + (outcomeAt < 0 ? 7 : outcomeAt);
}

function observe(figures: RouteFigures, event: ExchangeEnded): void {
  const seconds = Math.max(0, event.durationMs) / 1000;
  if (Number.isFinite(seconds)) {
    let at = 0;
    while (at < DURATION_BOUNDS.length && seconds > DURATION_BOUNDS[at]!) at++;
    figures.buckets[at]! += 1;
    figures.seconds += seconds;
  }
  if (event.bytesOut > 0 && Number.isFinite(event.bytesOut)) figures.bytes += event.bytesOut;
  if (!event.whole) figures.cut += 1;
}

function emptyRow(route: string): RouteRow {
  return {
    figures: { route, buckets: new Float64Array(DURATION_BOUNDS.length + 1), seconds: 0, bytes: 0, cut: 0 },
    series: new Map(),
  };
}
