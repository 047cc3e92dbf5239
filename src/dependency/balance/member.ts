import type { TargetReading } from "../../core/dependency-reading.ts";
import { TargetLoad } from "./load.ts";

/** A weight given by hand, and when it ends. Times are the monotonic clock's, `expires` is the wall's. */
export interface Override {
  readonly weight: number;
  readonly until: number;
  readonly expires: number;
  readonly reason: string;
}

/** Least share of its own that a target gets in its slow start. */
const FIRST_SHARE = 0.1;

/** One target among others: what is known of it, and what share it gets. */
export class Member {
  readonly origin: string;
  readonly configured: number;
  readonly load = new TargetLoad();
  override: Override | undefined;
  /** By active checks; true until they say otherwise. */
  healthy = true;
  /** When its ejection ends; 0: it is not ejected. */
  ejectedUntil = 0;
  /** How often it was ejected without a long good time between. */
  ejectedInRow = 0;
  /** When its last ejection ended. */
  returnedAt = -Infinity;
  /** When its slow start began; -Infinity: it is in none. */
  startedAt = -Infinity;
  /** Share of the traffic where 1 is fair, as of the last look. */
  share = 1;
  requests = 0;
  ejections = 0;

  constructor(origin: string, configured: number) {
    this.origin = origin;
    this.configured = configured;
  }

  get weight(): number {
    return this.override?.weight ?? this.configured;
  }

  get isUsable(): boolean {
    return this.healthy && this.ejectedUntil === 0;
  }

  /** Takes what is known of the same target before a reload; ejections end with it. */
  follow(former: Member): void {
    this.override = former.override;
    this.requests = former.requests;
    this.ejections = former.ejections;
  }

  /** Of its weight, what it gets in a slow start that takes `slowStart`. */
  ramp(slowStart: number, now: number): number {
    const passed = now - this.startedAt;
    return passed >= slowStart ? 1 : Math.max(FIRST_SHARE, passed / slowStart);
  }

  read(slowStart: number, now: number): TargetReading {
    const { origin, configured, override, load, requests, ejections } = this;
    const ramping = this.ramp(slowStart, now) < 1;
    const used = ramping ? "slow-start" : "up";
    return {
      origin,
      state: this.ejectedUntil > 0 ? "ejected" : this.healthy ? used : "unhealthy",
      weight: this.weight,
      configured,
      override: override && { expires: override.expires, reason: override.reason },
      inFlight: load.inFlight,
      latencyMs: load.latency(now),
      requests,
      ejections,
    };
  }
}
