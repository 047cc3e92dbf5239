import type { Exchange } from "../core/exchange.ts";
import { hasHeader } from "../core/headers.ts";
import { refused, type CacheUse, type Outcome } from "../core/outcome.ts";
import type { Handler, Stage } from "../core/stage.ts";
import { answerFrom, told } from "./answer.ts";
import type { Entry } from "./entry.ts";
import { standIn } from "./fallback.ts";
import { hasCredentials, isPlain } from "./flight/inward.ts";
import { cacheKey, urlOf } from "./key.ts";
import type { CacheParts } from "./parts.ts";
import { Pursuit } from "./flight/pursuit.ts";
import { untagged } from "./flight/untagged.ts";
import { answerRange } from "./ranges.ts";
import { withheldFrom } from "./rules/audience.ts";
import { asUsability, phaseOf, spansOf } from "./phase.ts";
import { judgeUsable, onlyIfCached } from "./rules/reuse.ts";
import type { CacheStatus } from "./rules/status.ts";
import type { Usability } from "./rules.ts";
import { standsForGet } from "./rules/post.ts";
import { invalidatedBy } from "./rules/unsafe.ts";
import { usability } from "./rules/usability.ts";
import { varyKey } from "./rules/vary.ts";
import type { Standing } from "./tags/marks.ts";
import type { VariantOf } from "./tiers/tier.ts";
import type { Found } from "./tiers/tiers.ts";

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
    return fallback ? outcome.then((ended) => standIn(fallback, method, ended)) : outcome;
  };
}

/** Other methods go on; one that changed something takes the kept answers of its target away. */
async function passMethod(parts: CacheParts, next: Handler, exchange: Exchange): Promise<Outcome> {
  const requestedAt = parts.time.now();
  const outcome = await next(exchange);
  if (outcome.kind === "served") {
    for (const target of invalidatedBy(exchange.method, outcome.status, exchange, outcome.headers)) {
      const at = target.indexOf("?");
      const [path, query] = at < 0 ? [target, ""] : [target.slice(0, at), target.slice(at)];
      const named = { scheme: exchange.scheme, authority: exchange.authority, path, query };
      void parts.purge({ targets: [{ kind: "url", url: urlOf(named) }], soft: false, changed: true });
    }
  }
  if (outcome.kind === "served" && standsForGet(exchange.method, outcome, exchange)) {
    const pursuit = new Pursuit(parts, async () => outcome, exchange, cacheKey(exchange), undefined);
    return pursuit.goAlone("method", { requestedAt });
  }
  return told(untagged(parts, outcome), { result: "bypass" }, { fwd: "method" });
}

const passBy = async (parts: CacheParts, next: Handler, exchange: Exchange): Promise<Outcome> =>
  told(untagged(parts, await next(exchange)), { result: "bypass" }, { fwd: "bypass" });

async function answer(parts: CacheParts, next: Handler, exchange: Exchange): Promise<Outcome> {
  const key = cacheKey(exchange);
  const found = parts.tiers.find(key, variantsOf(exchange));
  const kept = usable(parts, exchange, key, found instanceof Promise ? await found : found);
  if (kept) return answerKept(parts, next, exchange, key, kept);
  if (hasHeader(exchange.headers, "range")) return inPart(parts, next, exchange, key, undefined);
  return onlyIfCached(exchange) ? notKept() : new Pursuit(parts, next, exchange, key, undefined).wait("miss");
}

function answerKept(
  parts: CacheParts,
  next: Handler,
  exchange: Exchange,
  key: string,
  kept: Kept,
): Outcome | Promise<Outcome> {
  const { time, policy, stale } = parts;
  const { entry } = kept;
  const now = time.now();
  const own = usability(entry.head, policy, now, entry.reading);
  entry.usedAt = now;
  const use = kept.standing === "stale" ? { ...own, lifetime: Math.min(own.lifetime, own.age) } : own;
  if (judgeUsable(exchange, use).use !== "fresh") {
    if (hasHeader(exchange.headers, "range")) return inPart(parts, next, exchange, key, entry);
    return answerPast(parts, exchange, kept, use, new Pursuit(parts, next, exchange, key, entry));
  }
  const left = use.lifetime - use.age;
  const early = stale.ahead?.early(key, entry.head.receivedAt, left, entry.buildMs) ?? 0;
  if (early > 0 && phaseOf({ ...use, failSafe: 0 }, early) === "refresh-ahead") {
    new Pursuit(parts, next, exchange, key, entry).refresh();
  }
  return answerFresh(parts, exchange, kept, use);
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
  const fetched = await pursuit.waitBriefly(fwd);
  if (typeof fetched !== "string") return fetched;
  const { head, reading } = kept.entry;
  const { age } = usability(head, policy, time.now(), reading);
  return answerStale(parts, exchange, kept, { ...use, age }, phaseOf(spans) === "fail-safe" ? "fail-safe" : fetched);
}

function notKept(): Outcome {
  const detail = "only a kept answer was asked for (only-if-cached), and there is none that may be used";
  return told(refused("not-stored", detail), { result: "miss" }, { detail: "only-if-cached" });
}

/** A part of what is not kept whole, or not fresh. */
function inPart(
  parts: CacheParts,
  next: Handler,
  exchange: Exchange,
  key: string,
  whole: Entry | undefined,
): Promise<Outcome> {
  if (exchange.method !== "GET") return passBy(parts, next, exchange);
  return answerRange(parts, next, exchange, key, whole, {
    keptOf: async (name) => usable(parts, exchange, name, await parts.tiers.find(name, variantsOf(exchange))),
    notKept: () => (onlyIfCached(exchange) ? notKept() : undefined),
  });
}

/** Finds the variant of a request. Most keys have one Vary field in all their variants: it is looked at once. */
function variantsOf(exchange: Exchange): VariantOf {
  let known: string | undefined;
  let variant: string | undefined;
  return (vary) => {
    if (vary !== known) {
      known = vary;
      variant = varyKey(vary, exchange);
    }
    return variant;
  };
}

/** A kept answer that this client may have, and what purges made of it. */
interface Kept extends Found {
  readonly standing: Standing;
}

/** What was found, unless it was purged or is not for this client. */
function usable(
  { ledger, tiers, bus }: CacheParts,
  exchange: Exchange,
  key: string,
  found: Found | undefined,
): Kept | undefined {
  if (!found) return undefined;
  const standing = ledger.standing(found.entry);
  if (standing === "gone") {
    bus.publish("spillway:cache-removed", { reason: ledger.cause(found.entry), count: 1 });
    tiers.drop(key);
    return undefined;
  }
  return mayHave(exchange, found.entry) ? { ...found, standing } : undefined;
}

/** Who says who they are gets only what says of itself that it is for everyone. */
const mayHave = (exchange: Exchange, { reading }: Entry): boolean =>
  !hasCredentials(exchange) || withheldFrom(exchange, reading.audience) === undefined;

function answerFresh(parts: CacheParts, exchange: Exchange, { entry, tier }: Kept, use: Usability): Outcome {
  const { age, lifetime } = use;
  const status: CacheStatus = { hit: true, ttl: lifetime - age };
  const detail = parts.policy.by === "operator" ? { detail: "operator-ttl" } : {};
  return told(answerFrom(entry, exchange, age, parts.dress), { result: "hit", tier }, { ...status, ...detail });
}

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
