import { channel, type Channel } from "node:diagnostics_channel";
import type { BreakerState } from "./breaker-control.ts";
import type { Exchange, PriorityClass } from "./exchange.ts";
import type { Outcome, RefusedReason } from "./outcome.ts";
import type { PlanState, WarmResult } from "./warming.ts";

/** An exchange is over: the last octet is out, or nobody waits for it. Channel `spillway:exchange`. */
export interface ExchangeEnded {
  readonly gateway: string;
  readonly exchange: Exchange;
  readonly outcome: Outcome;
  /** Status on the wire; 499 when the client left first. */
  readonly status: number;
  /** Whether the answer reached its end; false when it was cut on either side. */
  readonly whole: boolean;
  /** Octets of the answer's body that were written. */
  readonly bytesOut: number;
  /** Milliseconds from the head of the request to the end of the answer. */
  readonly durationMs: number;
  /** Milliseconds until the dependency's head was here; undefined when none was asked. */
  readonly dependencyMs: number | undefined;
}

/** A request ended before it became an exchange: bad framing, oversized or late head. Channel `spillway:turned-away`. */
export interface TurnedAway {
  readonly gateway: string;
  readonly reason: string;
  readonly status: number;
  readonly detail: string;
  readonly address: string;
}

/** A reload was tried. Channel `spillway:reload`. */
export interface Reloaded {
  readonly gateway: string;
  readonly outcome: "applied" | "unchanged" | "refused";
  /** Of the configuration in force: SHA-256 of what it says, hexadecimal. */
  readonly hash: string;
  readonly errors: readonly string[];
}

/** Draining began or ended. Channel `spillway:drain`. */
export interface Drained {
  readonly gateway: string;
  readonly phase: "announced" | "closing" | "cut" | "done";
  readonly open: number;
}

/** A worker process serves, or is gone, by whatever cause. Channel `spillway:worker`. */
export interface WorkerChanged {
  readonly gateway: string;
  /** Its place among the workers, from 1; the one that replaces it has the same. */
  readonly worker: number;
  readonly pid: number;
  readonly change:
    | { readonly kind: "serving" }
    /** Why it is no more: `exit` and `signal` by itself or by others, `silent` and `slow-start` killed by us. */
    | {
        readonly kind: "gone";
        readonly reason: "exit" | "signal" | "silent" | "slow-start" | "out-of-step" | "left";
        readonly detail: string;
        /** Milliseconds until another one starts in its place; undefined when none will. */
        readonly replacedIn: number | undefined;
      };
}

/** What a cache tier held under a key was not used. Channel `spillway:cache-rejected`. */
export interface CacheRejected {
  readonly gateway: string;
  readonly tier: string;
  /** `corrupt`: no frame; `version`: another layout; `seal`: altered, copied from another key, or another's secret. */
  readonly reason: "corrupt" | "version" | "seal";
}

/** Something went wrong that no request's outcome tells. Channel `spillway:fault`. */
export interface Fault {
  readonly gateway: string;
  readonly where: string;
  readonly error: Error;
}

/** The guard of a tier closed its breaker to calls, or opened them again. Channel `spillway:cache-tier`. */
export interface CacheTierChanged {
  readonly gateway: string;
  readonly tier: string;
  /** `open`: the tier is not asked, but for a probe now and then. */
  readonly state: "open" | "closed";
  /** "" when closed. */
  readonly reason: string;
}

/** A call to a tier was not made or came to nothing; the request went on without. Channel `spillway:cache-skipped`. */
export interface CacheSkipped {
  readonly gateway: string;
  readonly tier: string;
  readonly reason: "open" | "busy" | "timeout" | "failed" | "refused";
}

/** A connection to Redis came up or was lost; the first failure is told, too. Channel `spillway:redis`. */
export interface RedisChanged {
  readonly gateway: string;
  /** What the connection is for. */
  readonly role: string;
  readonly state: "up" | "down";
  /** In the words of the client or the server; "" when up. */
  readonly reason: string;
}

/** Why a kept answer is no more. `changed`: the data it was made of, `errors`: it could not be read or renewed. */
export type RemovalReason = "expired" | "purged" | "changed" | "capacity" | "errors" | "pattern";

/** Kept answers are no more. Channel `spillway:cache-removed`. */
export interface CacheRemoved {
  readonly gateway: string;
  readonly reason: RemovalReason;
  readonly count: number;
}

/** An answer that could have been kept was not. Channel `spillway:cache-not-stored`. */
export interface CacheNotStored {
  readonly gateway: string;
  /** `tags`: too many of them, or one too long. */
  readonly reason: "tags";
}

/** One instance's end of the log of purges. Counts are since the start. */
export interface BackplaneStatus {
  /** `cut`: no look into the log for more than a second. `lapsed`: for longer than the lease, kept answers are stale. */
  readonly state: "starting" | "in-step" | "cut" | "lapsed";
  /** Of the last purge of the log that is in force here. */
  readonly position: number;
  /** Milliseconds since the log was last read to its end. */
  readonly lagMs: number;
  /** Purges read from the log. */
  readonly applied: number;
  /** Targets brought into the log. */
  readonly published: number;
  /** Targets that wait for the log to be back, and how many gave way to one soft purge of everything. */
  readonly waiting: number;
  readonly dropped: number;
  /** Times that purges were missed: the log was cut at its old end, or has lost what it had. */
  readonly gaps: { readonly trimmed: number; readonly lost: number };
  /** What became of kept answers from before a gap. */
  readonly checks: {
    readonly current: number;
    readonly stale: number;
    readonly gone: number;
    readonly unconfirmed: number;
  };
}

/** Kept answers were purged here, and the other processes of this machine have to do the same. Channel `spillway:purged`. */
export interface Purged {
  readonly gateway: string;
  /** As the cache writes it. */
  readonly purge: string;
}

/**
 * An answer from memory was compared with the next tier. Channel `spillway:cache-compared`. `behind`, `ahead`: memory was
 * older or newer, and the older copy gave way; `absent`: the next tier has none.
 */
export interface TiersCompared {
  readonly gateway: string;
  readonly result: "same" | "behind" | "ahead" | "absent";
}

/** How coherent this instance is with its fleet: twice a second, and at each change. Channel `spillway:backplane`. */
export interface BackplaneTold extends BackplaneStatus {
  readonly gateway: string;
  readonly change: "tick" | "state" | "gap";
}

/** A request that warms the cache has ended, or a plan of them has come to another state. Channel `spillway:cache-warm`. */
export interface CacheWarmed {
  readonly gateway: string;
  readonly plan: string;
  readonly change:
    | { readonly kind: "request"; readonly result: WarmResult }
    | {
        readonly kind: "plan";
        readonly state: PlanState["at"];
        readonly total: number;
        readonly done: number;
        readonly skipped: number;
        readonly notStored: number;
        readonly failed: number;
      };
}

/** A protection in mode `shadow` let an exchange through that it would have refused. Channel `spillway:would-refuse`. */
export interface WouldRefuse {
  readonly gateway: string;
  readonly reason: RefusedReason;
  readonly class: PriorityClass;
}

/** A breaker came into another state, by itself or by hand. Channel `spillway:breaker`. */
export interface BreakerChanged {
  readonly gateway: string;
  readonly dependency: string;
  readonly from: BreakerState;
  readonly to: BreakerState;
  /** "" when it closed. */
  readonly reason: string;
}

/** The event loop is full and requests are refused by class, or has room again. Channel `spillway:saturation`. */
export interface SaturationChanged {
  readonly gateway: string;
  readonly state: "full" | "room";
  /** Exchanges that may wait for their outcome at once; Infinity with `room`. */
  readonly seats: number;
  readonly waiting: number;
  /** Share of its time in which the event loop worked. */
  readonly utilisation: number;
}

/** `ejected` and `returned`: for failures among the traffic; `healthy` and `unhealthy`: by active checks. */
export type TargetChange =
  | { readonly kind: "ejected"; readonly forMs: number }
  | { readonly kind: "returned" }
  | { readonly kind: "healthy" }
  | { readonly kind: "unhealthy" }
  /** Set by hand, or taken back. */
  | { readonly kind: "weight"; readonly weight: number };

/** A target of a dependency is used otherwise than before. Channel `spillway:target`. */
export interface TargetChanged {
  readonly gateway: string;
  readonly dependency: string;
  /** As it is configured. */
  readonly target: string;
  readonly change: TargetChange;
}

/** What happens in a gateway, by channel name. One process may hold several gateways: look at `gateway`. */
export interface Events {
  readonly "spillway:exchange": ExchangeEnded;
  readonly "spillway:would-refuse": WouldRefuse;
  readonly "spillway:breaker": BreakerChanged;
  readonly "spillway:saturation": SaturationChanged;
  readonly "spillway:turned-away": TurnedAway;
  readonly "spillway:reload": Reloaded;
  readonly "spillway:drain": Drained;
  readonly "spillway:worker": WorkerChanged;
  readonly "spillway:cache-rejected": CacheRejected;
  readonly "spillway:cache-tier": CacheTierChanged;
  readonly "spillway:cache-skipped": CacheSkipped;
  readonly "spillway:redis": RedisChanged;
  readonly "spillway:fault": Fault;
  readonly "spillway:target": TargetChanged;
  readonly "spillway:backplane": BackplaneTold;
  readonly "spillway:purged": Purged;
  readonly "spillway:cache-compared": TiersCompared;
  readonly "spillway:cache-removed": CacheRemoved;
  readonly "spillway:cache-not-stored": CacheNotStored;
  readonly "spillway:cache-warm": CacheWarmed;
}

/** One gateway's end of the channels: publishes with its own id, hears only itself. */
export interface EventBus {
  readonly gateway: string;
  publish<Name extends keyof Events>(name: Name, event: Omit<Events[Name], "gateway">): void;
  /** The same with an event that has our id already: for one that comes at the pace of the traffic. */
  pass<Name extends keyof Events>(name: Name, event: Events[Name]): void;
  /** Returns a function that ends the subscription. Listeners run synchronously and must not throw. */
  subscribe<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void;
}

/** `gateway` tells several gateways of one process apart. */
export function createEventBus(gateway: string): EventBus {
  const channels = new Map<string, Channel>();
  const named = (name: string): Channel => {
    let found = channels.get(name);
    if (!found) channels.set(name, (found = channel(name)));
    return found;
  };
  return {
    gateway,
    publish(name, event) {
      const to = named(name);
      if (to.hasSubscribers) to.publish({ ...event, gateway });
    },
    pass(name, event) {
      named(name).publish(event);
    },
    subscribe(name, listener) {
      const heard = (message: unknown): void => {
        const event = message as Events[typeof name];
        if (event.gateway === gateway) listener(event);
      };
      const from = named(name);
      from.subscribe(heard);
      return () => {
        from.unsubscribe(heard);
      };
    },
  };
}
