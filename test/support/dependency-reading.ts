import { WAIT_BOUNDS, type AdmissionReading, type DependencyReading } from "../../src/core/dependency-reading.ts";

/** What one process knows of a dependency: ten seats, nothing going on, unless said otherwise. */
export const dependencyReading = (name = "catalog", facts: Partial<AdmissionReading> = {}): DependencyReading => ({
  name,
  admission: {
    mode: "enforce",
    limit: 10,
    inFlight: 0,
    queued: { system: 0, critical: 0, default: 0, sheddable: 0, bulk: 0 },
    serviceMs: 0,
    refused: [],
    wouldRefuse: [],
    waits: Array.from({ length: WAIT_BOUNDS.length + 1 }, () => 0),
    waitedMs: 0,
    ...facts,
  },
});
