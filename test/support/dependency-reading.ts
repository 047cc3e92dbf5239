import type { BreakerReading } from "../../src/core/breaker-control.ts";
import {
  WAIT_BOUNDS,
  type AdmissionReading,
  type DependencyReading,
  type TargetReading,
} from "../../src/core/dependency-reading.ts";

/**
 * What one process knows of a dependency: ten seats, a closed breaker, seven further tries that were of use,
 * nothing going on, unless said otherwise.
 */
export const dependencyReading = (
  name = "catalog",
  facts: Partial<AdmissionReading> = {},
  breaker: Partial<BreakerReading> = {},
): DependencyReading => ({
  name,
  panic: false,
  targets: [],
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
  breaker: {
    mode: "enforce",
    state: "closed",
    forMs: 0,
    leftMs: undefined,
    reason: "",
    share: 1,
    calls: 0,
    failures: 0,
    slow: 0,
    opened: 0,
    refused: 0,
    wouldRefuse: 0,
    ...breaker,
  },
  retry: {
    inFlight: 4,
    retrying: 1,
    allowed: 3,
    tokens: 2.5,
    most: 3,
    results: [
      { result: "recovered", count: 7 },
      { result: "no-budget", count: 0 },
    ],
  },
});

/** A target with nothing special about it, unless said otherwise. */
export const targetReading = (facts: Partial<TargetReading> = {}): TargetReading => ({
  origin: "http://127.0.0.1:3001",
  state: "up",
  weight: 1,
  configured: 1,
  override: undefined,
  inFlight: 2,
  latencyMs: 10,
  requests: 5,
  ejections: 0,
  ...facts,
});
