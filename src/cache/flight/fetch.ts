import { wholeBody } from "../../core/body.ts";
import type { Departure, Exchange, PriorityClass } from "../../core/exchange.ts";
import { hasHeader, joinedHeader, withoutHeaders, type HeaderList } from "../../core/headers.ts";
import type { Outcome, Served } from "../../core/outcome.ts";
import type { Handler } from "../../core/stage.ts";
import type { Timeouts } from "../../core/timeouts.ts";
import type { CacheParts } from "../parts.ts";
import { bodyOf, keptHeaders, type Entry } from "../entry.ts";
import { flightName, type Errand } from "./errand.ts";
import { isFailure } from "./failure.ts";
import type { Judged, Sharing } from "./flight.ts";
import type { Fetch } from "./flights.ts";
import { inward, wholeFields } from "./inward.ts";
import { isWithheld, sentFields } from "../sent-fields.ts";
import { urlOf } from "../key.ts";
import { partKey, withPart } from "../part.ts";
import { storedHead, type Receipt } from "../rules/age.ts";
import { isAbout } from "../rules/conditional.ts";
import { expiredHead } from "../rules/head.ts";
import { pathKey } from "../searches.ts";
import { judgeStore } from "../rules/store.ts";
import { readingOf } from "../rules/usability.ts";
import { varyKey } from "../rules/vary.ts";
import type { CacheRequest, NotStored } from "../rules.ts";
import { tagsOf } from "../tags/origin-tags.ts";
import { keepUntil } from "./keep-until.ts";
import { answerOf, questionOf, type Question } from "./question.ts";
import { untagged } from "./untagged.ts";

/** What an answer says of itself and of all others under its key: nobody waits for the next one. */
const PERSONAL: ReadonlySet<NotStored> = new Set(["no-store", "private", "set-cookie", "vary-star"]);

const RANGE: ReadonlySet<string> = new Set(["range"]);
const CONDITIONS = ["if-none-match", "if-modified-since"];
const SET_COOKIE: ReadonlySet<string> = new Set(["set-cookie"]);

const withoutCookies = (served: Served): Served => ({
  ...served,
  headers: withoutHeaders(served.headers, SET_COOKIE),
});

/** Asks the dependency for one key and keeps what may be kept. */
export class EntryFetch implements Fetch {
  readonly class: PriorityClass;
  readonly #parts: CacheParts;
  readonly #next: Handler;
  readonly #errand: Errand;
  /** Of the ledger, when the load began. */
  readonly position: number;
  readonly soft: Timeouts;
  /** Of a lease. Without one from the clock, as leases' are, so that what is kept can be replaced; 0 without Redis. */
  fence: number;
  #receipt: Receipt = { requestedAt: 0, receivedAt: 0, wall: 0 };
  /** Fields of the request that the dependency got. */
  #sent: HeaderList = [];
  /** What the dependency said, before a 304 was made whole. */
  #status = 0;
  /** What is kept, with the fields that came. */
  #renewed: Entry | undefined;
  /** What came is the answer to a HEAD. */
  #isBare = false;
  readonly #own: readonly string[];
  /** Undefined: too many or too long. */
  #tags: readonly string[] | undefined;
  /** The answer's Vary is another each time: whom it fits cannot be told. */
  #unsure = false;
  /** What is kept once the body is whole. */
  #pending: Omit<Entry, "body" | "position"> | undefined;

  constructor(parts: CacheParts, next: Handler, errand: Errand) {
    this.#parts = parts;
    this.#next = next;
    this.#errand = errand;
    this.class = errand.asked.exchange.class;
    this.position = parts.ledger.position;
    this.#own = this.#tags = parts.tags(errand.asked.exchange.params);
    this.soft = parts.stale.soft;
    this.fence = parts.leases ? Math.max(parts.time.wall() * 1000, (errand.entry?.fence ?? 0) + 1) : 0;
  }

  async run(departure: Departure): Promise<Outcome> {
    const { asked, entry, shared } = this.#errand;
    const { headers } = asked.exchange;
    const question = this.#question();
    const own = entry || shared ? wholeFields(headers, []) : headers;
    if (!question) return this.#bare(await this.#fetch(departure, own));
    const outcome = await this.#fetch(departure, wholeFields(headers, question.fields));
    if (outcome.kind !== "served") return outcome;
    const heard = question.heard(outcome, this.#receipt);
    switch (heard.kind) {
      case "plain":
        return this.#bare(outcome);
      case "again":
        outcome.body.cancel(new Error("it is about something else than was asked for"));
        return this.#fetch(departure, own);
      case "outdated":
        this.#expire(entry!);
        return this.#bare(outcome);
      case "renewed":
        outcome.body.cancel(new Error("what is kept is used in its place"));
        this.#renewed = heard.entry;
        this.#keepTagsOf(heard.entry);
        return answerOf(heard.entry, outcome);
      case "completed":
        this.#keepTagsOf(heard.part);
        return heard.served;
    }
  }

  #question(): Question | undefined {
    const { asked, entry, part, shared, headOnly } = this.#errand;
    const { tiers, ledger } = this.#parts;
    const { exchange, key } = asked;
    // In a request for itself alone the client's conditions are the dependency's affair.
    const isFree = shared || !CONDITIONS.some((name) => hasHeader(exchange.headers, name));
    const others = shared && !entry && !part && !headOnly ? tiers.variants(key) : [];
    const variants = others.filter((other) => ledger.standing(other) !== "gone");
    return questionOf({ entry, part: isFree ? part : undefined, variants, headOnly }, exchange);
  }

  /** The answer to a HEAD is for those who wait, and of it nothing is kept. */
  #bare(outcome: Outcome): Outcome {
    if (outcome.kind !== "served" || !this.#errand.headOnly) return outcome;
    this.#isBare = true;
    const { body } = outcome;
    if (!body.takeWhole()) body.cancel(new Error("the answer to a HEAD has no body"));
    return { ...outcome, body: wholeBody(Buffer.alloc(0)) };
  }

  /** An answer that names no tags leaves those of what it is joined with. */
  #keepTagsOf({ tags }: Entry): void {
    if (this.#tags === this.#own) this.#tags = tags;
  }

  /** What is kept is not what the dependency answers now. */
  #expire(entry: Entry): void {
    const { tiers, policy, time } = this.#parts;
    const head = expiredHead(entry.head, policy, time.now(), entry.reading);
    if (head !== entry.head) tiers.put(this.#errand.asked.key, { ...entry, head });
  }

  /** An answer that depends on a field it was not shown is asked for once more, with that field. */
  async #fetch(departure: Departure, fields: HeaderList): Promise<Outcome> {
    const { sent, flights } = this.#parts;
    const { asked, keeps, bound, requestedAt, headOnly, entry } = this.#errand;
    const { exchange, key } = asked;
    const how = { bound, method: headOnly ? "HEAD" : "GET", standIn: entry !== undefined } as const;
    if (!keeps || requestedAt !== undefined) return this.#ask(inward(exchange, departure, fields, how));
    for (let again = true; ; again = false) {
      const known = flights.notes.varyOf(key);
      const outcome = await this.#ask(inward(exchange, departure, sentFields(fields, sent, known), how));
      const vary = outcome.kind === "served" ? (joinedHeader(outcome.headers, "vary") ?? "") : "";
      if (outcome.kind !== "served" || !isWithheld(fields, sent, known, vary)) return outcome;
      if (again) {
        flights.notes.varies(key, vary);
        outcome.body.cancel(new Error("the answer depends on a field that was not sent"));
      } else {
        this.#unsure = true;
        return outcome;
      }
    }
  }

  judge(served: Served): Judged & { readonly name: string | undefined } {
    const { flights, ledger } = this.#parts;
    const { asked, shared } = this.#errand;
    const { exchange, key } = asked;
    const vary = joinedHeader(served.headers, "vary") ?? "";
    const variant = varyKey(vary, exchange);
    // Only now its tags are known: what was purged meanwhile is for nobody but who asked before that.
    const purgeable = { url: urlOf(exchange), tags: this.#tags ?? this.#own, position: this.position };
    const fits = (request: CacheRequest): boolean =>
      variant !== undefined && varyKey(vary, request) === variant && ledger.standing(purgeable) === "current";
    const sharing = this.#sharing(served, vary, variant);
    if (shared && variant !== undefined) flights.notes.varies(key, vary);
    if (shared && served.status < 500) flights.notes.tagged(key, this.#tags === this.#own ? undefined : this.#tags);
    // Who wants more than a head does not wait for one.
    const name = shared && !this.#isBare ? flightName(key, variant ?? "") : undefined;
    return { sharing, fits, status: this.#status, name };
  }

  /** Resolves when all tiers have what was kept. */
  commit(chunks: readonly Buffer[], length: number): Promise<unknown> | undefined {
    const { tiers, ledger, flights } = this.#parts;
    const { key } = this.#errand.asked;
    const pending = this.#pending;
    if (!pending) return undefined;
    const renewed = this.#renewed?.body;
    const { position } = this;
    const head = renewed ? pending.head : { ...pending.head, headers: keptHeaders(pending.head.headers, length) };
    const came = { ...pending, head, position, body: renewed ?? bodyOf(chunks, length) };
    const entry = head.status === 206 ? withPart(came, this.#errand.part, flights.longest) : came;
    if (!entry || ledger.standing(entry) === "gone") return undefined;
    flights.notes.passNoMore(key);
    ledger.kept(entry.keepUntil);
    flights.notes.parted(key, entry.head.status === 206);
    if (entry.head.status !== 206) return this.#put(entry);
    const { whole } = this.#errand;
    // What is kept whole is outdated by a part of something else.
    if (whole && !isAbout(whole.head, entry.head)) this.#dropOutdated();
    return tiers.place(partKey(key), entry);
  }

  #put(entry: Entry): Promise<unknown> | undefined {
    this.#compare(entry);
    const { tiers, flights } = this.#parts;
    const { asked, part } = this.#errand;
    const { searches } = flights.notes;
    if (part) tiers.drop(partKey(asked.key));
    const placed = tiers.place(asked.key, entry);
    if (searches.isEmpty && !hasHeader(entry.head.headers, "no-vary-search")) return placed;
    const path = pathKey(this.#parts, asked.exchange);
    if (path !== undefined) searches.kept(asked, entry, path);
    return placed;
  }

  /** Whether the dependency's answer is another than before teaches how long one lives. */
  #compare(entry: Entry): void {
    const former = this.#errand.entry;
    const { lifetime } = this.#parts;
    if (!lifetime || !former) return;
    const changed = entry.body !== former.body && !entry.body.equals(former.body);
    lifetime.looked(entry.head.receivedAt - former.head.receivedAt, changed);
  }

  outgrown(): void {
    if (this.#errand.shared) this.#parts.flights.notes.pass(this.#errand.asked.key);
  }

  cut(): void {
    this.#parts.flights.notes.failed(this.#errand.asked.key);
  }

  async #ask(exchange: Exchange): Promise<Outcome> {
    const { time, flights } = this.#parts;
    const { key } = this.#errand.asked;
    const requestedAt = this.#errand.requestedAt ?? time.now();
    this.#sent = exchange.headers;
    const outcome = await this.#next(exchange);
    this.#receipt = { requestedAt, receivedAt: time.now(), wall: time.wall() };
    if (outcome.kind === "served") this.#status = outcome.status;
    const impatient = outcome.kind === "refused" && outcome.reason === "deadline";
    if (isFailure(outcome) && !impatient) flights.notes.failed(key);
    else if (outcome.kind === "served") flights.notes.succeeded(key);
    return this.#readTags(outcome);
  }

  #readTags(outcome: Outcome): Outcome {
    if (outcome.kind !== "served") return outcome;
    this.#tags = tagsOf(outcome.headers, this.#own);
    return untagged(this.#parts, this.#errand.keeps && this.#parts.stripCookies ? withoutCookies(outcome) : outcome);
  }

  /** Of the request, as the rules about privacy and parts look at it. */
  #judgedFields(): HeaderList {
    const { headers } = this.#errand.asked.open;
    return hasHeader(this.#sent, "range") ? headers : withoutHeaders(headers, RANGE);
  }

  #sharing(served: Served, vary: string, variant: string | undefined): Sharing {
    const { flights, policy, bus } = this.#parts;
    const { asked, entry, shared, keeps } = this.#errand;
    const { exchange, key } = asked;
    const { status, body } = served;
    if (!keeps || this.#unsure) return "nobody";
    const verdict = judgeStore({ method: "GET", headers: this.#judgedFields() }, served, policy);
    if (this.#isBare) return verdict.store || !verdict.personal ? "wave" : "nobody";
    // In an outage a kept answer is worth more than an error, whatever that says of itself.
    if (status >= 500 && entry) return !verdict.store && verdict.personal ? "nobody" : "wave";
    const tooLong = (body.length ?? 0) > flights.longest;
    const tags = this.#tags;
    if (verdict.store && !tags) {
      bus.publish("spillway:cache-not-stored", { reason: "tags" });
      return "wave";
    }
    if (tags && verdict.store && variant !== undefined && !tooLong) {
      const head = storedHead({ status, headers: verdict.headers }, this.#receipt);
      const reading = readingOf(head);
      const url = urlOf(exchange);
      const buildMs = this.#receipt.receivedAt - this.#receipt.requestedAt;
      const until = keepUntil(this.#parts, head, reading);
      const facts = { url, tags, buildMs, origin: 0, fence: this.fence, keepUntil: until };
      this.#pending = { head, reading, vary, variant, ...facts };
      return "all";
    }
    if (!verdict.store && !verdict.personal) return "wave";
    if (shared && status < 500 && (verdict.store || PERSONAL.has(verdict.reason))) flights.notes.pass(key);
    if (shared && entry && status < 400) this.#dropOutdated();
    return "nobody";
  }

  /** What is kept is no longer what the dependency answers, and nothing takes its place. */
  #dropOutdated(): void {
    const { tiers, bus } = this.#parts;
    tiers.drop(this.#errand.asked.key);
    bus.publish("spillway:cache-removed", { reason: "changed", count: 1 });
  }
}
