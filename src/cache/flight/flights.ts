import type { Clock, Random } from "../../core/clock.ts";
import type { Departure, PriorityClass } from "../../core/exchange.ts";
import type { Outcome, Served } from "../../core/outcome.ts";
import type { Timeouts } from "../../core/timeouts.ts";
import { Flight, type Judged, type Landing } from "./flight.ts";
import { Notes } from "./notes.ts";

/** What a flight fetches, and the name under which others find it. */
export interface Fetch {
  /** Class of the request in whose name it is fetched: what is refused to it may be allowed to another class. */
  readonly class: PriorityClass;
  readonly position: number;
  /** How long who has a stale answer in hand waits for the head. */
  readonly soft: Timeouts;
  /** Asks the dependency. Never rejects. */
  run(departure: Departure): Promise<Outcome>;
  /** The head is here. `name`: under which others find the flight now that the variant is known; undefined: as before. */
  judge(served: Served): Judged & { readonly name: string | undefined };
  commit(chunks: readonly Buffer[], length: number): unknown;
  outgrown(): void;
  cut(): void;
  /** Whoever comes from now on does not board any more. */
  closed?(): void;
}

/** A flight that can be boarded. */
export interface Boarding {
  readonly flight: Flight;
  readonly class: PriorityClass;
  /** Of the ledger, when it began: what was purged since is not to be had from it. */
  readonly position: number;
  /** The head, or undefined when it has not come within the soft timeout from the start. */
  readonly soon: Promise<Landing | undefined>;
}

/** Flights under way, at most one a name. Owned by the gateway: they and what is known of keys survive a reload. */
export class Flights {
  readonly notes: Notes;
  /** Octets of a body that may be kept. */
  readonly longest: number;
  /** Turns over with the misses. A flight that is over holds nothing, so what a dead table keeps of it is small. */
  readonly #boardings = new Map<string, Boarding>();

  constructor(clock: Clock, random: Random, longest: number) {
    this.notes = new Notes(clock, random);
    this.longest = longest;
  }

  /** That can be boarded now. */
  get size(): number {
    return this.#boardings.size;
  }

  /** One that can be boarded, `position` being where the ledger has to have stood when it began. */
  find(name: string, isCurrent: (position: number) => boolean): Boarding | undefined {
    const found = this.#boardings.get(name);
    return found && isCurrent(found.position) ? found : undefined;
  }

  /** Starts a flight that others find under `name`. */
  launch(name: string, fetch: Fetch): Boarding {
    let found = name;
    const boarding: Boarding = this.launchAlone({
      class: fetch.class,
      position: fetch.position,
      soft: fetch.soft,
      run: (departure) => fetch.run(departure),
      judge: (served) => {
        const judged = fetch.judge(served);
        if (judged.name !== undefined && judged.name !== found && this.#boardings.get(found) === boarding) {
          this.#boardings.delete(found);
          found = judged.name;
          if (!this.#boardings.has(found)) this.#boardings.set(found, boarding);
        }
        return judged;
      },
      commit: (chunks, length) => fetch.commit(chunks, length),
      outgrown: () => fetch.outgrown(),
      cut: () => fetch.cut(),
      closed: () => {
        fetch.closed?.();
        if (this.#boardings.get(found) === boarding) this.#boardings.delete(found);
      },
    });
    this.#boardings.set(found, boarding);
    return boarding;
  }

  /** Starts a flight that nobody else finds. */
  launchAlone(load: Omit<Fetch, "judge"> & { judge(served: Served): Judged; closed?(): void }): Boarding {
    const flight = new Flight({ ...load, closed: load.closed ?? (() => {}) }, this.longest);
    const late = Promise.withResolvers<undefined>();
    const wait = load.soft.start(() => late.resolve(undefined));
    void flight.landing.then(() => wait.cancel());
    return {
      flight,
      class: load.class,
      position: load.position,
      soon: Promise.race([flight.landing, late.promise]),
    };
  }
}
