import type { Exchange } from "../../core/exchange.ts";
import { failed, refused, type Outcome, type Served } from "../../core/outcome.ts";
import type { Handler } from "../../core/stage.ts";
import { told, withoutBody } from "../answer.ts";
import type { Asked } from "../asked.ts";
import type { Entry } from "../entry.ts";
import { flightName, type Errand } from "./errand.ts";
import { failureOf, type StandsFor } from "./failure.ts";
import { EntryFetch } from "./fetch.ts";
import type { Landing } from "./flight.ts";
import { LeasedFetch } from "./leased.ts";
import type { Boarding, Fetch } from "./flights.ts";
import { anonymousFields, forbidsKeeping, hasCredentials, inward } from "./inward.ts";
import { joinParts, urlOf } from "../key.ts";
import type { CacheParts } from "../parts.ts";
import type { CacheStatus } from "../rules/status.ts";
import type { Seat } from "./seat.ts";
import { untagged } from "./untagged.ts";
import { varyKey } from "../rules/vary.ts";

type Forwarded = NonNullable<CacheStatus["fwd"]>;

/** Times that one request may find itself in a flight for another variant before it goes alone. */
const MOST_BOARDINGS = 3;
/** Milliseconds before a client's deadline at which the answer to it has to be on its way. */
const WAY_BACK = 5;

/** One request on its way past the kept answers: it boards a flight, leads one, or goes alone. */
export class Pursuit {
  readonly #parts: CacheParts;
  readonly #next: Handler;
  readonly #asked: Asked;
  readonly #exchange: Exchange;
  readonly #key: string;
  readonly #entry: Entry | undefined;
  readonly #part: Entry | undefined;
  /** Whether a stale answer would do. */
  #yields = false;

  /** `part`: what is kept of the answer when that is not kept whole. */
  constructor(parts: CacheParts, next: Handler, asked: Asked, entry: Entry | undefined, part?: Entry) {
    this.#parts = parts;
    this.#next = next;
    this.#asked = asked;
    this.#exchange = asked.exchange;
    this.#key = asked.key;
    this.#entry = entry;
    this.#part = part;
  }

  /** Fetches behind a stale answer: at most one a key at a time, and none soon after a failure. */
  refresh(): void {
    const { flights } = this.#parts;
    if (flights.notes.isQuiet(this.#key)) return;
    const own = hasCredentials(this.#asked.open);
    const asked = own ? this.#refreshedBy() : this.#asked;
    if (!asked) return;
    // Where credentials are sent it is one client's own: nobody boards it, yet a second one is not started.
    const alone = own && asked === this.#asked;
    const name = alone ? joinParts(["own", this.#name()]) : this.#name();
    if (flights.find(name, this.#isCurrent)) return;
    this.#yields = true;
    const fetch = alone
      ? this.#fetch({ asked, shared: false, bound: false, keeps: true, headOnly: false })
      : this.#agreed(name, asked);
    const { flight } = flights.launch(name, fetch);
    flight.hold();
    void flight.landing.then(({ outcome }) => this.#tellFault(outcome));
  }

  /** In whose name what is kept for all is fetched when the client has credentials: nobody's, so that it can be kept. */
  #refreshedBy(): Asked | undefined {
    const { sent, keysCredentials } = this.#parts;
    if (sent === "all") return this.#asked;
    // Which of its credentials the key holds is not told apart here: the next request without others will do.
    if (keysCredentials) return undefined;
    const headers = anonymousFields(this.#exchange.headers);
    const exchange = inward(this.#exchange, this.#exchange.departure, headers);
    return { key: this.#key, exchange, open: exchange, silent: false };
  }

  /** Behind an answer nobody else would hear of it. */
  #tellFault(outcome: Outcome): void {
    if (outcome.kind !== "failed" || outcome.reason !== "internal") return;
    const error = outcome.error ?? new Error(outcome.detail);
    this.#parts.bus.publish("spillway:fault", { where: "cache refresh", error });
  }

  /** The answer, however long it takes. */
  wait(fwd: Forwarded): Promise<Outcome> {
    return this.#wait(fwd, 1);
  }

  /** The answer to just this request, which may be kept. */
  async goAlone(fwd: Forwarded, more: Pick<Errand, "part" | "whole" | "requestedAt">): Promise<Outcome> {
    const own = { asked: this.#asked, entry: undefined, shared: false, bound: true, keeps: this.#mayKeep() };
    const boarding = this.#alone(new EntryFetch(this.#parts, this.#next, { ...own, headOnly: false, ...more }));
    const seat = boarding.flight.board();
    const stay = this.#exchange.departure.onGone(() => seat.leave());
    const landing = await this.#until(boarding.flight.landing);
    stay();
    return landing ? this.#use(boarding, seat, landing, fwd)! : this.#tooLate(seat, fwd);
  }

  async #wait(fwd: Forwarded, attempt: number): Promise<Outcome> {
    if (this.#asksForHeadOnly()) return this.#forwardHead(fwd);
    const [boarding, seat, stay] = this.#board(attempt);
    const landing = await this.#until(boarding.flight.landing);
    stay();
    if (!landing) return this.#tooLate(seat, fwd);
    return this.#use(boarding, seat, landing, fwd) ?? this.#wait(fwd, next(attempt, landing));
  }

  /**
   * The answer, or why a stale one must do: the dependency failed, just now or before, or gives no head `soon`. With
   * patience until the `landing` it is waited for as long as it takes.
   */
  async waitBriefly(fwd: Forwarded, patience: "soon" | "landing"): Promise<Outcome | StandsFor> {
    if (this.#parts.flights.notes.isQuiet(this.#key)) return { insteadOf: "back-off" };
    this.#yields = true;
    return this.#waitBriefly(fwd, patience, 1);
  }

  async #waitBriefly(fwd: Forwarded, patience: "soon" | "landing", attempt: number): Promise<Outcome | StandsFor> {
    const [boarding, seat, stay] = this.#board(attempt);
    const landing = await this.#until(patience === "soon" ? boarding.soon : boarding.flight.landing);
    stay();
    const failure = landing ? failureOf(landing.outcome) : { insteadOf: "timeout" };
    if (landing && failure === undefined) {
      return this.#use(boarding, seat, landing, fwd) ?? this.#waitBriefly(fwd, patience, next(attempt, landing));
    }
    if (!landing) boarding.flight.hold();
    seat.leave();
    return failure!;
  }

  /** What comes while the client waits for it; undefined: its deadline is too near. */
  #until(landing: Promise<Landing | undefined>): Promise<Landing | undefined> {
    const { deadline } = this.#exchange;
    if (deadline === Number.POSITIVE_INFINITY) return landing;
    const { clock } = this.#parts;
    const late = Promise.withResolvers<undefined>();
    const stop = clock.after(deadline - clock.now() - WAY_BACK, () => late.resolve(undefined), "background");
    return Promise.race([landing.finally(stop), late.promise]);
  }

  /** Nobody learns anything from it: the fetch goes on for those who have more time. */
  #tooLate(seat: Seat, fwd: Forwarded): Outcome {
    seat.leave();
    const detail = "the deadline of this request passed before an answer was here; allow more time";
    return told(refused("deadline", detail), { result: "miss" }, { fwd });
  }

  #board(attempt: number): [boarding: Boarding, seat: Seat, stay: () => void] {
    const boarding = attempt <= MOST_BOARDINGS && this.#mayShare() ? this.#shared() : this.#alone();
    const seat = boarding.flight.board();
    return [boarding, seat, this.#exchange.departure.onGone(() => seat.leave())];
  }

  #shared(): Boarding {
    const { flights } = this.#parts;
    const name = this.#name();
    const whole = flights.find(name, this.#isCurrent);
    if (whole || !this.#headOnly) return whole ?? flights.launch(name, this.#agreed(name, this.#asked));
    const head = joinParts(["head", name]);
    return flights.find(head, this.#isCurrent) ?? flights.launch(head, this.#agreed(head, this.#asked, true));
  }

  get #headOnly(): boolean {
    return this.#exchange.method === "HEAD";
  }

  #alone(fetch = this.#fetchAlone()): Boarding {
    return this.#parts.flights.launchAlone({
      class: fetch.class,
      position: fetch.position,
      soft: fetch.soft,
      run: (departure) => fetch.run(departure),
      judge: (served) => fetch.judge(served),
      commit: (chunks, length) => fetch.commit(chunks, length),
      outgrown: () => fetch.outgrown(),
      cut: () => fetch.cut(),
    });
  }

  /** Whether what began at this position may answer a request that comes now: by the tags that the last answer had. */
  readonly #isCurrent = (position: number): boolean => {
    const { ledger, flights } = this.#parts;
    if (position >= ledger.position) return true;
    const tags = flights.notes.tagsOf(this.#key) ?? this.#parts.tags(this.#exchange.params);
    return ledger.standing({ url: urlOf(this.#exchange), tags, position }) === "current";
  };

  #mayShare(): boolean {
    const { exchange, open } = this.#asked;
    return !hasCredentials(open) && !forbidsKeeping(exchange) && !this.#parts.flights.notes.passes(this.#key);
  }

  /** Of answers to one client alone only those are kept that the client's own fields had no part in. */
  #mayKeep(): boolean {
    return this.#parts.sent === "all" || (!hasCredentials(this.#asked.open) && !forbidsKeeping(this.#exchange));
  }

  #name(): string {
    return flightName(this.#key, varyKey(this.#parts.flights.notes.varyOf(this.#key), this.#exchange) ?? "");
  }

  #fetchAlone(): EntryFetch {
    const how = { shared: false, bound: !this.#yields, headOnly: this.#headOnly };
    return this.#fetch({ asked: this.#asked, keeps: this.#mayKeep(), ...how });
  }

  /** A fetch that others wait for, in other instances as well. */
  #agreed(name: string, asked: Asked, headOnly = false): Fetch {
    const inner = this.#fetch({ asked, shared: true, bound: false, keeps: true, headOnly });
    const parts = this.#parts;
    if (!parts.leases) return inner;
    const { exchange, key } = asked;
    return new LeasedFetch(parts, parts.leases, inner, {
      exchange,
      key,
      entry: this.#entry,
      name,
      yields: this.#yields,
    });
  }

  /** What is not kept is the client's own affair: it goes with its own conditions. */
  #fetch(errand: Omit<Errand, "entry">): EntryFetch {
    const known = errand.keeps ? { entry: this.#entry, part: this.#part } : { entry: undefined };
    return new EntryFetch(this.#parts, this.#next, { ...errand, ...known });
  }

  /** What has landed as this request's answer; undefined when it is not for this request. */
  #use(boarding: Boarding, seat: Seat, landing: Landing, fwd: Forwarded): Outcome | undefined {
    const exchange = this.#exchange;
    const { flight } = boarding;
    const { outcome, sharing } = landing;
    const leftAlone = outcome.kind === "refused" && outcome.reason === "back-off";
    const refusedToAnother = outcome.kind === "refused" && (leftAlone || boarding.class !== exchange.class);
    if (exchange.departure.gone) return failed("client-gone", "the client left before the answer");
    if (!seat.leads && (refusedToAnother || sharing === "nobody" || !landing.fits(exchange))) {
      seat.leave();
      return undefined;
    }
    const stored = sharing === "all";
    const status: CacheStatus = { fwd, stored, collapsed: !seat.leads };
    if (outcome.kind !== "served") {
      seat.leave();
      return told(outcome, { result: "miss" }, status);
    }
    const { status: code, by, dependencyMs, admission, tries } = outcome;
    const { dress } = this.#parts;
    const headers = stored && dress ? dress(code, outcome.headers) : outcome.headers;
    const short = withoutBody({ status: code, headers, initialAge: 0, receivedAt: this.#parts.time.now() }, exchange);
    if (short) {
      if (stored) flight.hold();
      seat.leave();
    }
    const facts = {
      by,
      ...(dependencyMs !== undefined && { dependencyMs }),
      ...(admission && { admission }),
      ...(tries && { tries }),
    };
    const served: Served = short
      ? { ...short, ...facts }
      : { kind: "served", status: code, headers, body: seat.take(outcome.body.length), ...facts };
    const detail = stored && this.#parts.policy.by === "operator" ? { detail: "operator-ttl" } : {};
    return told(served, { result: "miss" }, { ...status, fwdStatus: landing.status, ...detail });
  }

  /** Nothing is kept of a HEAD, and a GET would cost more than was asked for. */
  #asksForHeadOnly(): boolean {
    return this.#exchange.method === "HEAD" && this.#entry === undefined;
  }

  async #forwardHead(fwd: Forwarded): Promise<Outcome> {
    const outcome = untagged(this.#parts, await this.#next(this.#exchange));
    const fwdStatus = outcome.kind === "served" ? { fwdStatus: outcome.status } : {};
    return told(outcome, { result: "miss" }, { fwd, ...fwdStatus });
  }
}

/** Which attempt comes after a landing that was for others: what is for nobody else is fetched alone. */
const next = (attempt: number, { sharing }: Landing): number =>
  sharing === "nobody" ? MOST_BOARDINGS + 1 : attempt + 1;
