import type {
  Client,
  Departure,
  Exchange,
  PriorityClass,
  RequestBody,
  RouteFacts,
  Standing,
  TraceContext,
  Upgrade,
} from "../core/exchange.ts";
import type { ServerResponse } from "node:http";
import { clientKey } from "../core/address.ts";
import type { HeaderList } from "../core/headers.ts";
import { passInterim } from "./interim.ts";

/** What the edge has found out about a request by the time it becomes an exchange. */
export type ExchangeFacts = Omit<Exchange, "departure" | "interim" | "handOn" | "class" | "tenant" | "cohort"> & {
  /** What the client is counted by, where that is known already. */
  readonly clientKey: string | undefined;
  /** A tenant's place inside its class. */
  readonly cohortOf: (tenant: string, now: number) => number;
};

/** An exchange that came over HTTP. Frozen facts; only its departure changes, once. */
export class HttpExchange implements Exchange, Departure {
  readonly id: string;
  readonly startedAt: number;
  readonly method: string;
  readonly target: string;
  readonly path: string;
  readonly query: string;
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly headers: HeaderList;
  readonly client: Client;
  readonly route: RouteFacts;
  readonly params: Readonly<Record<string, string>>;
  /** Set once, by the edge, before any stage sees the exchange. */
  class: PriorityClass = "default";
  readonly deadline: number;
  readonly deadlineFields: readonly string[] | undefined;
  readonly body: RequestBody | undefined;
  readonly trace: TraceContext;
  readonly upgrade: Upgrade | undefined;
  /** Set once, by the edge, before any stage sees the exchange. */
  handOn: (() => void) | undefined;
  readonly #response: ServerResponse;
  readonly #cohortOf: ExchangeFacts["cohortOf"];
  // Asked for where seats are short, and not before.
  #tenant: string | undefined;
  #cohort = -1;
  #gone = false;
  #listeners: (() => void)[] | undefined;

  /** `response` takes the interim answers. */
  constructor(facts: ExchangeFacts, response: ServerResponse) {
    this.id = facts.id;
    this.startedAt = facts.startedAt;
    this.method = facts.method;
    this.target = facts.target;
    this.path = facts.path;
    this.query = facts.query;
    this.scheme = facts.scheme;
    this.authority = facts.authority;
    this.headers = facts.headers;
    this.client = facts.client;
    this.route = facts.route;
    this.params = facts.params;
    this.deadline = facts.deadline;
    this.deadlineFields = facts.deadlineFields;
    this.body = facts.body;
    this.trace = facts.trace;
    this.upgrade = facts.upgrade;
    this.#tenant = facts.clientKey;
    this.#cohortOf = facts.cohortOf;
    this.#response = response;
  }

  /** The edge's side: who comes first is known. */
  stand(standing: Standing): void {
    this.class = standing.class;
    if (standing.tenant !== undefined) this.#tenant = standing.tenant;
  }

  get tenant(): string {
    return (this.#tenant ??= clientKey(this.client.address));
  }

  get cohort(): number {
    if (this.#cohort < 0) this.#cohort = this.#cohortOf(this.tenant, this.startedAt);
    return this.#cohort;
  }

  get departure(): Departure {
    return this;
  }

  get gone(): boolean {
    return this.#gone;
  }

  onGone(listener: () => void): () => void {
    if (this.#gone) {
      listener();
      return () => {};
    }
    const listeners = (this.#listeners ??= []);
    listeners.push(listener);
    return () => {
      const at = listeners.indexOf(listener);
      if (at >= 0) listeners.splice(at, 1);
    };
  }

  interim(status: number, headers: HeaderList): void {
    if (!this.#gone) passInterim(this.#response, status, headers);
  }

  /** The edge's side: nobody waits for the answer any more. Only the first call counts. */
  depart(): void {
    if (this.#gone) return;
    this.#gone = true;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    if (listeners) for (const listener of listeners.slice()) listener();
  }
}
