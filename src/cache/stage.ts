import { wholeBody } from "../core/body.ts";
import type { Exchange } from "../core/exchange.ts";
import { hasHeader } from "../core/headers.ts";
import { refused, type CacheTier, type CacheUse, type Outcome } from "../core/outcome.ts";
import { whenHere, type Soon } from "../core/soon.ts";
import type { Handler, Stage } from "../core/stage.ts";
import { answerFrom, told } from "./answer.ts";
import type { Asked } from "./asked.ts";
import type { Entry } from "./entry.ts";
import { standIn } from "./fallback.ts";
import { isPlain } from "./flight/inward.ts";
import { keptFor, type Kept } from "./kept.ts";
import { urlOf } from "./key.ts";
import { partKey } from "./part.ts";
import type { CacheParts } from "./parts.ts";
import { Pursuit } from "./flight/pursuit.ts";
import { untagged } from "./flight/untagged.ts";
import { answerRange } from "./ranges.ts";
import { asUsability, phaseOf, spansOf, yieldsToSlow } from "./phase.ts";
import { keptForSearch, pathKey } from "./searches.ts";
import { judgeUsable, onlyIfCached } from "./rules/reuse.ts";
import type { CacheStatus } from "./rules/status.ts";
import type { Usability } from "./rules.ts";
import { standsForGet } from "./rules/post.ts";
import { invalidatedBy } from "./rules/unsafe.ts";
import { usability } from "./rules/usability.ts";

/**
 * Answers from what is kept, keeps what may be kept, and stands in with a stale answer when what is inside refuses,
 * fails or is slow. Outside the gates: a hit costs no permit.
 */
export function createCacheStage(parts: CacheParts): Stage {
  const { fallback } = parts;
  return (next) => (exchange) => {
    const { method } = exchange;
    if (exchange.upgrade) return next(exchange);
    if (method !== "GET" && method !== "HEAD") return passMethod(parts, next, exchange);
    const outcome = isPlain(exchange) ? answer(parts, next, exchange) : passBy(parts, next, exchange);
    return fallback ? whenHere(outcome, (ended) => standIn(fallback, method, ended)) : outcome;
  };
}

/** Other methods go on; one that changed something takes the kept answers of its target away. */
async function passMethod(parts: CacheParts, next: Handler, exchange: Exchange): Promise<Outcome> {
  const requestedAt = parts.time.now();
  const outcome = await next(exchange);
  if (outcome.kind === "served") {
    for (const target of invalidatedBy(exchange.method, outcome.status, exchange, outcome.headers)) {
      const at = target.indexOf("?");
      const [path, raw] = at < 0 ? [target, ""] : [target.slice(0, at), target.slice(at)];
      const query = parts.query ? parts.query(raw) : raw;
      const named = { scheme: exchange.scheme, authority: exchange.authority, path, query };
      const url = urlOf(named);
      const targets = [url, otherUrl(parts, { ...exchange, ...named }) ?? url].map((one) => ({
        kind: "url" as const,
        url: one,
      }));
      void parts.purge({ targets, soft: false, changed: true });
    }
  }
  if (outcome.kind === "served" && standsForGet(exchange.method, outcome, exchange)) {
    const asked = await parts.ask(exchange);
    if (asked) return new Pursuit(parts, async () => outcome, asked, undefined).goAlone("method", { requestedAt });
  }
  return told(untagged(parts, outcome), { result: "bypass" }, { fwd: "method" });
}

/** The URL that brought what is kept for another that means the same. */
function otherUrl(parts: CacheParts, exchange: Exchange): string | undefined {
  const { searches } = parts.flights.notes;
  const path = searches.isEmpty ? undefined : pathKey(parts, exchange);
  return path === undefined ? undefined : searches.find(exchange.query, path)?.url;
}

const passBy = async (parts: CacheParts, next: Handler, exchange: Exchange): Promise<Outcome> =>
  told(untagged(parts, await next(exchange)), { result: "bypass" }, { fwd: "bypass" });

/** No promise on the way to what memory has: most requests end here. */
const answer = (parts: CacheParts, next: Handler, exchange: Exchange): Soon<Outcome> =>
  whenHere(parts.ask(exchange), (asked) => {
    if (!asked) return passBy(parts, next, exchange);
    return whenHere(keptFor(parts, asked), (kept) =>
      kept ? answerKept(parts, next, exchange, asked, kept) : answerUnkept(parts, next, exchange, asked),
    );
  });

async function answerUnkept(parts: CacheParts, next: Handler, exchange: Exchange, asked: Asked): Promise<Outcome> {
  const kept = parts.flights.notes.searches.isEmpty ? undefined : await keptForSearch(parts, asked);
  if (kept) return answerKept(parts, next, exchange, asked, kept);
  if (hasHeader(exchange.headers, "range")) return inPart(parts, next, asked, undefined);
  if (onlyIfCached(exchange)) return notKept();
  const part = parts.flights.notes.hasPart(asked.key) ? await partFor(parts, asked) : undefined;
  return new Pursuit(parts, next, asked, undefined, part).wait(part ? "partial" : "miss");
}

/** What is kept of the answer to a GET that is not kept whole. */
async function partFor(parts: CacheParts, asked: Asked): Promise<Entry | undefined> {
  if (asked.exchange.method !== "GET") return undefined;
  const kept = await keptFor(parts, { ...asked, key: partKey(asked.key) });
  return kept?.standing === "current" ? kept.entry : undefined;
}

function answerKept(parts: CacheParts, next: Handler, exchange: Exchange, asked: Asked, kept: Kept): Soon<Outcome> {
  const { time, policy, stale } = parts;
  const { entry } = kept;
  const now = time.now();
  const own = usability(entry.head, policy, now, entry.reading);
  entry.usedAt = now;
  const use = kept.standing === "current" ? own : outdated(own, kept.standing);
  if (exchange.warms && (exchange.warms === "renew" || use.age >= use.lifetime)) {
    return new Pursuit(parts, next, asked, entry).wait("stale");
  }
  const isFresh = asked.silent ? use.age < use.lifetime : judgeUsable(exchange, use).use === "fresh";
  if (!isFresh) {
    if (hasHeader(exchange.headers, "range")) return inPart(parts, next, asked, entry);
    return answerPast(parts, exchange, kept, use, new Pursuit(parts, next, asked, entry));
  }
  const left = use.lifetime - use.age;
  const early = exchange.warms ? 0 : (stale.ahead?.early(asked.key, entry.head.receivedAt, left, entry.buildMs) ?? 0);
  if (early > 0 && phaseOf({ ...use, failSafe: 0 }, early) === "refresh-ahead") {
    new Pursuit(parts, next, asked, entry).refresh();
  }
  return answerFresh(parts, asked, kept, use);
}

/** Past its freshness for reasons of others. Where they are only feared, it stands in for as long as if it were fresh. */
function outdated(own: Usability, standing: Kept["standing"]): Usability {
  const lifetime = Math.min(own.lifetime, own.age);
  if (standing === "stale") return { ...own, lifetime };
  const staleIfError = own.staleIfError + own.lifetime - lifetime;
  const { mustRevalidate, saysHowStale } = own;
  const wasFresh = own.lifetime !== lifetime;
  return {
    ...own,
    lifetime,
    staleIfError,
    mustRevalidate: mustRevalidate && !wasFresh,
    saysHowStale: saysHowStale || wasFresh,
  };
}

/** What is kept is past its freshness, or the client wants something newer. */
async function answerPast(
  parts: CacheParts,
  exchange: Exchange,
  kept: Kept,
  use: Usability,
  pursuit: Pursuit,
): Promise<Outcome> {
  const { time, policy, stale } = parts;
  const spans = spansOf(use, stale.failSafe, stale.grace());
  const verdict = judgeUsable(exchange, asUsability(spans));
  if (verdict.use === "stale-while-revalidate") {
    pursuit.refresh();
    return answerStale(parts, exchange, kept, use, "stale-while-revalidate");
  }
  if (onlyIfCached(exchange)) return notKept();
  const fwd = verdict.use === "bypass" ? "request" : "stale";
  if (!("onError" in verdict) || !verdict.onError) return pursuit.wait(fwd);
  // Who wants something newer waits for it as long as it may come.
  const patience = verdict.use === "revalidate" && yieldsToSlow(spans) ? "soon" : "landing";
  const fetched = await pursuit.waitBriefly(fwd, patience);
  if ("kind" in fetched) return fetched;
  const { head, reading } = kept.entry;
  const { age } = usability(head, policy, time.now(), reading);
  const detail = phaseOf(spans) === "fail-safe" ? "fail-safe" : fetched.insteadOf;
  return { ...answerStale(parts, exchange, kept, { ...use, age }, detail), ...fetched };
}

function notKept(): Outcome {
  const detail = "only a kept answer was asked for (only-if-cached), and there is none that may be used";
  return told(refused("not-stored", detail), { result: "miss" }, { detail: "only-if-cached" });
}

/** A part of what is not kept whole, or not fresh. */
function inPart(parts: CacheParts, next: Handler, asked: Asked, whole: Entry | undefined): Promise<Outcome> {
  const { exchange } = asked;
  if (exchange.method !== "GET") return passBy(parts, next, exchange);
  return answerRange(parts, next, asked, whole, {
    keptOf: async (key) => keptFor(parts, { ...asked, key }),
    notKept: () => (onlyIfCached(exchange) ? notKept() : undefined),
  });
}

function answerFresh(parts: CacheParts, { exchange, silent }: Asked, { entry, tier }: Kept, use: Usability): Outcome {
  const { age, lifetime } = use;
  const { policy, dress } = parts;
  if (silent && exchange.method === "GET") {
    const { headers, text } = parts.ready.of(entry, { age, lifetime, policy, dress });
    const body = wholeBody(entry.body, text);
    return { kind: "served", status: entry.head.status, headers, body, by: "cache", cache: HITS[tier] };
  }
  const status: CacheStatus = { hit: true, ttl: lifetime - age };
  const detail = policy.by === "operator" ? { detail: "operator-ttl" } : {};
  return told(answerFrom(entry, exchange, age, dress), HITS[tier], { ...status, ...detail });
}

const HITS: Readonly<Record<CacheTier, CacheUse>> = {
  memory: { result: "hit", tier: "memory" },
  redis: { result: "hit", tier: "redis" },
  postgres: { result: "hit", tier: "postgres" },
};

/** An answer past its freshness, or one the client would rather not have had. `detail` says on what ground. */
function answerStale(
  { dress }: CacheParts,
  exchange: Exchange,
  { entry, tier }: Kept,
  { age, lifetime }: Usability,
  detail: string,
): Outcome {
  const use: CacheUse = {
    result: detail === "fail-safe" ? "fail-safe" : "stale",
    tier,
    staleMs: Math.max(0, age - lifetime),
  };
  return told(answerFrom(entry, exchange, age, dress), use, { hit: true, ttl: lifetime - age, detail });
}
