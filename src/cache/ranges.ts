import type { Outcome } from "../core/outcome.ts";
import type { Handler } from "../core/stage.ts";
import { told } from "./answer.ts";
import type { Asked } from "./asked.ts";
import type { Entry } from "./entry.ts";
import { Pursuit } from "./flight/pursuit.ts";
import type { Kept } from "./kept.ts";
import { answerFromPart, partKey } from "./part.ts";
import type { CacheParts } from "./parts.ts";
import { judgeUsable } from "./rules/reuse.ts";
import { usability } from "./rules/usability.ts";

/** Where a request for a part looks when what is kept whole cannot answer it. */
export interface RangeWays {
  /** What is kept under a key for this client. */
  keptOf(key: string): Promise<Kept | undefined>;
  /** The refusal when only a kept answer is wanted; undefined: others will do. */
  notKept(): Outcome | undefined;
}

/**
 * A GET for a part of what is not kept whole, or not fresh: from the part that is kept, else from the dependency, whose
 * answer is kept beside the whole. `whole`: what is kept and was not of use.
 */
export async function answerRange(
  parts: CacheParts,
  next: Handler,
  asked: Asked,
  whole: Entry | undefined,
  ways: RangeWays,
): Promise<Outcome> {
  const { exchange, key } = asked;
  const kept = await ways.keptOf(partKey(key));
  const isNewer = kept && (whole === undefined || kept.entry.head.receivedAt > whole.head.receivedAt);
  const part = isNewer && kept.standing === "current" ? kept.entry : undefined;
  if (kept && part) {
    const use = usability(part.head, parts.policy, parts.time.now(), part.reading);
    const served =
      judgeUsable(exchange, use).use === "fresh" ? answerFromPart(part, exchange, use.age, parts.dress) : undefined;
    if (served) return told(served, { result: "hit", tier: kept.tier }, { hit: true, ttl: use.lifetime - use.age });
  }
  const fwd = part ? "partial" : "miss";
  return ways.notKept() ?? new Pursuit(parts, next, asked, undefined).goAlone(fwd, { part, whole });
}
