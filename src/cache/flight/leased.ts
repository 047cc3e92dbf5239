import { wholeBody } from "../../core/body.ts";
import type { Departure, PriorityClass } from "../../core/exchange.ts";
import { refused, type Outcome, type Served } from "../../core/outcome.ts";
import type { Timeouts } from "../../core/timeouts.ts";
import { aged } from "../answer.ts";
import type { Entry } from "../entry.ts";
import type { CacheParts } from "../parts.ts";
import { varyKey } from "../rules/vary.ts";
import type { CacheRequest } from "../rules.ts";
import { flightName } from "./errand.ts";
import { isFailure } from "./failure.ts";
import type { EntryFetch } from "./fetch.ts";
import type { Judged } from "./flight.ts";
import type { Fetch } from "./flights.ts";
import type { Lease, Leases, LoadEnd } from "./lease.ts";
import { takeTurn, type TurnParts } from "./turn.ts";

/** A fetch that all instances agree upon: it asks the dependency, or brings what another one has asked for. */
export class LeasedFetch implements Fetch {
  readonly class: PriorityClass;
  readonly position: number;
  readonly soft: Timeouts;
  readonly #parts: CacheParts;
  readonly #leases: Leases;
  readonly #inner: EntryFetch;
  readonly #turn: Omit<TurnParts, "departure">;
  #lease: Lease | undefined;
  /** What another instance has brought. */
  #used: Entry | undefined;
  #committed = false;

  constructor(parts: CacheParts, leases: Leases, inner: EntryFetch, turn: Omit<TurnParts, "departure">) {
    this.#parts = parts;
    this.#leases = leases;
    this.#inner = inner;
    this.#turn = turn;
    this.class = inner.class;
    this.position = inner.position;
    this.soft = inner.soft;
  }

  async run(departure: Departure): Promise<Outcome> {
    const turn = await takeTurn(this.#parts, this.#leases, { ...this.#turn, departure });
    if (turn.kind === "yield") return refused("back-off", "the dependency failed another instance a moment ago");
    if (turn.kind === "use") return this.#use(turn.entry);
    this.#lease = turn.lease;
    if (turn.lease) this.#inner.fence = turn.lease.fence;
    const outcome = await this.#inner.run(departure);
    if (isFailure(outcome)) this.#release("failed");
    return outcome;
  }

  judge(served: Served): Judged & { readonly name: string | undefined } {
    const used = this.#used;
    if (!used) {
      const judged = this.#inner.judge(served);
      if (judged.sharing !== "all") this.#release("unshared");
      return judged;
    }
    const { vary, variant, head } = used;
    const { flights, ledger } = this.#parts;
    flights.notes.varies(this.#turn.key, vary);
    const fits = (request: CacheRequest): boolean =>
      varyKey(vary, request) === variant && ledger.standing(used) === "current";
    return { sharing: "all", fits, status: head.status, name: flightName(this.#turn.key, variant) };
  }

  commit(chunks: readonly Buffer[], length: number): void {
    if (this.#used) return;
    this.#committed = true;
    const put = this.#inner.commit(chunks, length);
    const filled = (): void => this.#lease?.release("filled");
    // Who waits for it looks for it in the tiers.
    if (put) void put.then(filled);
    else filled();
  }

  outgrown(): void {
    this.#inner.outgrown();
  }

  cut(): void {
    this.#inner.cut();
    this.#release("failed");
  }

  closed(): void {
    if (!this.#committed) this.#release("nothing");
  }

  #release(end: LoadEnd): void {
    this.#lease?.release(end);
  }

  #use(entry: Entry): Served {
    this.#used = entry;
    this.#parts.flights.notes.succeeded(this.#turn.key);
    const age = this.#parts.time.now() - entry.head.receivedAt + entry.head.initialAge;
    const { status, headers } = aged(entry.head, age);
    return { kind: "served", status, headers, body: wholeBody(entry.body), by: "cache" };
  }
}
