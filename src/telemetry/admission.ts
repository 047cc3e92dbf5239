/** Seats, those who have them and those who wait: read from the gates when somebody asks. */
import { WAIT_BOUNDS, type DependencyReading } from "../core/dependency-reading.ts";
import { histogram, type Sample, type View } from "./view.ts";

const SECONDS: readonly number[] = WAIT_BOUNDS.map((ms) => ms / 1000);

export function admissionViews(read: () => readonly DependencyReading[]): readonly View[] {
  const gauge = (name: string, help: string, samples: (reading: DependencyReading) => Sample[]): View => ({
    name,
    help,
    type: "gauge",
    aggregator: "sum",
    samples: () => read().flatMap(samples),
  });
  return [
    gauge("spillway_admission_limit", "Seats of a dependency", ({ name, admission: { limit } }) =>
      limit === undefined ? [] : [{ labels: { dependency: name }, value: limit }],
    ),
    gauge("spillway_admission_in_flight", "Seats of a dependency that are taken", ({ name, admission }) => [
      { labels: { dependency: name }, value: admission.inFlight },
    ]),
    gauge("spillway_admission_queued", "Requests that wait for a seat", ({ name, admission }) =>
      Object.entries(admission.queued).map(([cls, value]) => ({ labels: { dependency: name, class: cls }, value })),
    ),
    {
      name: "spillway_queue_wait_seconds",
      help: "Waits for a seat, of requests that got one or gave up",
      type: "histogram",
      aggregator: "sum",
      samples: () => read().flatMap(waitSamples),
    },
  ];
}

function waitSamples({ name, admission: { waits, waitedMs } }: DependencyReading): Sample[] {
  const labels = { dependency: name };
  return histogram("spillway_queue_wait_seconds", labels, SECONDS, Float64Array.from(waits), waitedMs / 1000);
}
