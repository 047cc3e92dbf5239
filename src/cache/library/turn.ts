import type { Clock } from "../../core/clock.ts";
import type { Entry } from "../entry.ts";
import type { Lease, Leases } from "../flight/lease.ts";

export interface TurnParts {
  readonly leases: Leases;
  readonly clock: Clock;
  /** What farther tiers have of it, if that is fresh. */
  readonly look: () => Promise<Entry | undefined>;
  readonly signal: AbortSignal;
}

/** Milliseconds after which another process may load it, too. */
const LEASE = 5000;
/** Milliseconds that another process's load is waited for. */
const PATIENCE = 2000;
/** Milliseconds between two looks for what it brings: at first, and at most. */
const FIRST_LOOK = 10;
const LONGEST_LOOK = 100;

/**
 * One load at a time among all processes: gives the right to it, or what another one has brought meanwhile. Undefined:
 * nobody can tell, or the other one takes too long; the load goes on as if alone. The lease is for this order only:
 * entries have no fence of it, for a `set` asks nobody.
 */
export async function takeTurn(name: string, parts: TurnParts): Promise<Lease | Entry | undefined> {
  const { leases, clock, look, signal } = parts;
  const until = clock.now() + PATIENCE;
  let known = 0;
  let pause = FIRST_LOOK;
  while (!signal.aborted && clock.now() < until) {
    const reply = await leases.acquire({ name, ttl: LEASE, heedsQuiet: false, over: undefined, known });
    if (reply?.kind === "won") return reply;
    if (!reply || reply.kind === "quiet") return undefined;
    const found = await look();
    if (found) return found;
    if (reply.kind === "filled") known = reply.fence;
    else await passed(clock, pause);
    pause = Math.min(pause * 1.5, LONGEST_LOOK);
  }
  return undefined;
}

const passed = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve, "background"));
