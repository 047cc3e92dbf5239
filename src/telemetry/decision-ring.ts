import { LONGEST_PATH, type AnsweredBy, type Decision } from "../core/decisions.ts";
import type { ExchangeEnded } from "../core/events.ts";
import type { AdmissionSeen, Outcome, RefusedReason } from "../core/outcome.ts";

/** Octets of an id; the edge takes none that is longer. */
const ID = 128;
const TEXT = ID + LONGEST_PATH;

/** Columns of numbers, one after the other. What is not known is NaN. */
const [AT, PATIENCE, STATUS, COHORT, STALE, DURATION, DEPENDENCY_MS, WHOLE] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const [LIMIT, IN_FLIGHT, AHEAD, ESTIMATE, CAP, WAITED] = [8, 9, 10, 11, 12, 13] as const;
const [ID_LENGTH, PATH_LENGTH] = [14, 15] as const;
const NUMBERS = 16;

/** Columns of words: of the configuration and of the code, which live on anyway. */
const [METHOD, ROUTE, DEPENDENCY, CLASS, OUTCOME, REASON, DETAIL, INSTEAD_OF, CACHE, TIER, ANSWERED_BY] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
] as const;
const WORDS = 11;

/**
 * The last decisions in columns: an object a request that lives for ten thousand others is moved twice by the collector of
 * garbage and then waits in old space (measured: 0.4 us a request and 130 MiB).
 */
export class DecisionRing {
  readonly #size: number;
  readonly #numbers: Float64Array;
  readonly #words: (string | undefined)[];
  readonly #texts: Buffer;
  #next = 0;
  length = 0;

  constructor(size: number) {
    this.#size = size;
    this.#numbers = new Float64Array(size * NUMBERS);
    this.#words = Array.from({ length: size * WORDS });
    this.#texts = Buffer.alloc(size * TEXT);
  }

  /** `at` in milliseconds since 1970. */
  add(event: ExchangeEnded, at: number): void {
    const row = this.#next;
    this.#next = (row + 1) % this.#size;
    if (this.length < this.#size) this.length++;
    this.#writeRequest(row, event);
    this.#writeOutcome(row, event.outcome);
    const numbers = this.#numbers;
    const first = row * NUMBERS;
    numbers[first + AT] = at;
    numbers[first + STATUS] = event.status;
    numbers[first + DURATION] = event.durationMs;
    numbers[first + DEPENDENCY_MS] = event.dependencyMs ?? Number.NaN;
    numbers[first + WHOLE] = event.whole ? 1 : 0;
  }

  #writeRequest(row: number, { exchange }: ExchangeEnded): void {
    const numbers = this.#numbers;
    const texts = this.#texts;
    const words = this.#words;
    const first = row * NUMBERS;
    const text = row * TEXT;
    const word = row * WORDS;
    numbers[first + PATIENCE] = exchange.deadline - exchange.startedAt;
    numbers[first + COHORT] = exchange.cohort;
    numbers[first + ID_LENGTH] = texts.write(exchange.id, text, ID, "latin1");
    numbers[first + PATH_LENGTH] = texts.write(exchange.path, text + ID, LONGEST_PATH, "latin1");
    words[word + METHOD] = exchange.method;
    words[word + ROUTE] = exchange.route.name;
    words[word + DEPENDENCY] = exchange.route.dependency;
    words[word + CLASS] = exchange.class;
  }

  #writeOutcome(row: number, outcome: Outcome): void {
    const words = this.#words;
    const word = row * WORDS;
    const unserved = outcome.kind === "refused" || outcome.kind === "failed" ? outcome : undefined;
    const served = outcome.kind === "served" ? outcome : undefined;
    const use = served?.cache ?? unserved?.cache;
    words[word + OUTCOME] = outcome.kind;
    words[word + REASON] = unserved?.reason;
    words[word + DETAIL] = unserved?.detail;
    words[word + INSTEAD_OF] = served?.insteadOf;
    words[word + CACHE] = use?.result;
    words[word + TIER] = use && "tier" in use ? use.tier : undefined;
    words[word + ANSWERED_BY] = answeredBy(outcome);
    this.#numbers[row * NUMBERS + STALE] = use && "staleMs" in use ? use.staleMs : Number.NaN;
    this.#writeAdmission(row, served?.admission ?? unserved?.admission);
  }

  #writeAdmission(row: number, seen: AdmissionSeen | undefined): void {
    const numbers = this.#numbers;
    const first = row * NUMBERS;
    numbers[first + LIMIT] = seen ? seen.limit : Number.NaN;
    if (!seen) return;
    numbers[first + IN_FLIGHT] = seen.inFlight;
    numbers[first + AHEAD] = seen.ahead;
    numbers[first + ESTIMATE] = seen.estimateMs;
    numbers[first + CAP] = seen.capMs;
    numbers[first + WAITED] = seen.waitedMs;
  }

  /** `X-Request-Id` of the decision so many back; 0 is the newest. */
  idOf(back: number): string {
    const row = this.#rowOf(back);
    return this.#text(row, 0, this.#numbers[row * NUMBERS + ID_LENGTH]!);
  }

  at(back: number): Decision {
    const row = this.#rowOf(back);
    const number = (column: number): number => this.#numbers[row * NUMBERS + column]!;
    const known = (column: number): number | undefined =>
      Number.isFinite(number(column)) ? number(column) : undefined;
    const word = (column: number): string | undefined => this.#words[row * WORDS + column];
    return {
      id: this.idOf(back),
      at: number(AT),
      method: word(METHOD)!,
      path: this.#text(row, ID, number(PATH_LENGTH)),
      route: word(ROUTE)!,
      dependency: word(DEPENDENCY),
      class: word(CLASS) as Decision["class"],
      cohort: number(COHORT),
      patienceMs: known(PATIENCE),
      status: number(STATUS),
      outcome: word(OUTCOME) as Decision["outcome"],
      answeredBy: word(ANSWERED_BY) as AnsweredBy,
      reason: word(REASON) as Decision["reason"],
      detail: word(DETAIL),
      insteadOf: word(INSTEAD_OF),
      cache: word(CACHE),
      tier: word(TIER) as Decision["tier"],
      staleMs: known(STALE),
      admission: Number.isNaN(number(LIMIT)) ? undefined : admissionOf(number),
      durationMs: number(DURATION),
      dependencyMs: known(DEPENDENCY_MS),
      whole: number(WHOLE) === 1,
    };
  }

  #rowOf(back: number): number {
    return (this.#next - 1 - back + 2 * this.#size) % this.#size;
  }

  #text(row: number, from: number, length: number): string {
    const start = row * TEXT + from;
    return this.#texts.toString("latin1", start, start + length);
  }
}

const admissionOf = (number: (column: number) => number): AdmissionSeen => ({
  limit: number(LIMIT),
  inFlight: number(IN_FLIGHT),
  ahead: number(AHEAD),
  estimateMs: number(ESTIMATE),
  capMs: number(CAP),
  waitedMs: number(WAITED),
});

const REFUSES: Readonly<Record<RefusedReason, AnsweredBy>> = {
  malformed: "edge",
  "head-too-large": "edge",
  "head-timeout": "edge",
  "body-too-large": "edge",
  "body-timeout": "edge",
  expectation: "edge",
  "no-route": "edge",
  "method-not-allowed": "edge",
  "upgrade-refused": "edge",
  loop: "edge",
  unsupported: "edge",
  memory: "edge",
  busy: "edge",
  quota: "quota",
  "back-off": "cache",
  "not-stored": "cache",
  shed: "admission",
  full: "admission",
  wait: "admission",
  deadline: "admission",
  breaker: "breaker",
};

function answeredBy(outcome: Outcome): AnsweredBy {
  switch (outcome.kind) {
    case "refused":
      return REFUSES[outcome.reason];
    case "failed":
    case "tunnelled":
      return "dependency";
    case "handed-on":
      return "host";
    case "served":
      if (outcome.cache?.result === "fallback") return "fallback";
      return outcome.by === "gateway" ? "route" : outcome.by;
  }
}
