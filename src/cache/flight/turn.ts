import type { Clock } from "../../core/clock.ts";
import type { Departure, Exchange } from "../../core/exchange.ts";
import type { Entry } from "../entry.ts";
import type { CacheParts } from "../parts.ts";
import { judgeUsable } from "../rules/reuse.ts";
import { usability } from "../rules/usability.ts";
import { varyKey } from "../rules/vary.ts";
import type { Lease, Leases } from "./lease.ts";

/** What a load that is about to begin is to do. */
export type Turn =
  /** Ask the dependency. Without a lease: nobody could tell whether another instance does. */
  | { readonly kind: "load"; readonly lease: Lease | undefined }
  /** Another instance has just brought this. */
  | { readonly kind: "use"; readonly entry: Entry }
  /** The dependency failed another instance, and there is a stale answer. */
  | { readonly kind: "yield" };

export interface TurnParts {
  readonly exchange: Exchange;
  readonly key: string;
  /** Name of the flight. */
  readonly name: string;
  readonly entry: Entry | undefined;
  /** Who waits has a stale answer to fall back on. */
  readonly yields: boolean;
  readonly departure: Departure;
}

/** Milliseconds of a lease: four times what the last load took, within these bounds. */
const SHORTEST_LEASE = 2000;
const LONGEST_LEASE = 30_000;
const UNKNOWN_LEASE = 5000;
/** Milliseconds that another instance's load is waited for: twice what the last one took, at least and unless known. */
const SHORTEST_WAIT = 500;
const UNKNOWN_WAIT = 2000;
/** Leases that are waited for, one after the other, before a load goes on without. */
const MOST_WAITS = 2;
/** Milliseconds between two looks for what another instance loads: at first, and at most. */
const FIRST_LOOK = 10;
const LONGEST_LOOK = 100;

/** One load at a time among all instances: the others wait for what it brings, and at most one takes over. */
export async function takeTurn(parts: CacheParts, leases: Leases, turn: TurnParts): Promise<Turn> {
  const { clock, time, flights } = parts;
  const { name, key, entry, yields, departure } = turn;
  const startedAt = time.now();
  const ttl = entry ? Math.min(Math.max(4 * entry.buildMs, SHORTEST_LEASE), LONGEST_LEASE) : UNKNOWN_LEASE;
  // With a stale answer in hand nobody has to hurry.
  const patience = yields ? ttl : entry ? Math.max(2 * entry.buildMs, SHORTEST_WAIT) : UNKNOWN_WAIT;
  const waits = new Set<number>();
  let known = entry?.fence ?? 0;
  let until = 0;
  let pause = FIRST_LOOK;
  let over: number | undefined;
  while (!departure.gone) {
    const reply = await leases.acquire({ name, ttl, heedsQuiet: yields, over, known });
    if (!reply) break;
    if (reply.kind === "won") return { kind: "load", lease: reply };
    if (reply.kind === "quiet") {
      flights.notes.quietFor(key, reply.forMs);
      return { kind: "yield" };
    }
    if (reply.kind === "filled") {
      const found = await newer(parts, turn, startedAt);
      if (found) return { kind: "use", entry: found };
      known = reply.fence;
      continue;
    }
    if (!waits.has(reply.fence)) {
      if (waits.size === MOST_WAITS) break;
      waits.add(reply.fence);
      until = clock.now() + patience;
      pause = FIRST_LOOK;
    }
    const left = until - clock.now();
    if (left <= 0) {
      if (over === reply.fence) break;
      over = reply.fence;
      continue;
    }
    await passed(clock, Math.min(pause, left));
    pause = Math.min(pause * 1.5, LONGEST_LOOK);
  }
  return { kind: "load", lease: undefined };
}

const passed = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve, "background"));

/** What farther tiers have, if it is newer than what is kept here and as good as an answer that came now. */
async function newer(
  { tiers, ledger, policy, time }: CacheParts,
  { exchange, key, entry }: TurnParts,
  startedAt: number,
): Promise<Entry | undefined> {
  const found = (await tiers.findFarther(key, (vary) => varyKey(vary, exchange)))?.entry;
  if (!found || (entry && !isNewer(found, entry)) || ledger.standing(found) !== "current") return undefined;
  if (found.head.receivedAt >= startedAt) return found;
  const use = usability(found.head, policy, time.now(), found.reading);
  return judgeUsable(exchange, use).use === "fresh" ? found : undefined;
}

const isNewer = (found: Entry, entry: Entry): boolean =>
  found.fence === entry.fence ? found.head.receivedAt > entry.head.receivedAt : found.fence > entry.fence;
