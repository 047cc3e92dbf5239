import type { Exchange } from "../core/exchange.ts";
import type { Asked } from "./asked.ts";
import type { Entry } from "./entry.ts";
import { hasCredentials } from "./flight/inward.ts";
import type { CacheParts } from "./parts.ts";
import { withheldFrom } from "./rules/audience.ts";
import type { CacheRequest } from "./rules.ts";
import { varyKey } from "./rules/vary.ts";
import type { Backplane, Settled } from "./tags/backplane.ts";
import type { VariantOf } from "./tiers/tier.ts";
import type { Found } from "./tiers/tiers.ts";

/** A kept answer that this client may have, and what purges made of it. */
export interface Kept extends Found {
  readonly standing: Settled["standing"];
}

type Looked = Kept | undefined;

/** What is kept under a key for this client, unless it was purged. A promise only where something has to be asked. */
export function keptFor(parts: CacheParts, asked: Asked): Looked | Promise<Looked> {
  const found = parts.tiers.find(asked.key, variantsOf(asked.exchange));
  if (found instanceof Promise) return found.then((come) => judged(parts, asked, come));
  return judged(parts, asked, found);
}

function judged(parts: CacheParts, asked: Asked, found: Found | undefined) {
  if (!found) return undefined;
  const { backplane, ledger, sampler } = parts;
  if (found.tier === "memory") sampler?.saw(parts.tiers, asked.key, found.entry);
  else ledger.kept(found.entry.keepUntil);
  if (backplane?.doubts(found.entry)) return settled(parts, backplane, asked, found);
  const { entry, tier } = found;
  return usable(parts, asked, { entry, tier, standing: ledger.standing(entry) });
}

async function settled(parts: CacheParts, backplane: Backplane, asked: Asked, found: Found): Promise<Looked> {
  const { entry, standing } = await backplane.settle(found.entry);
  if (entry !== found.entry) parts.tiers.confirm(asked.key, entry);
  return usable(parts, asked, { ...found, entry, standing });
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

function usable(parts: CacheParts, { key, open, silent }: Asked, kept: Kept): Kept | undefined {
  const { ledger, tiers, bus, outlivesPurges } = parts;
  const { entry, standing } = kept;
  const mine = silent || mayHave(open, entry);
  if (standing === "gone" && outlivesPurges) return mine ? { ...kept, standing: "stale" } : undefined;
  if (standing === "gone") {
    bus.publish("spillway:cache-removed", { reason: ledger.cause(entry), count: 1 });
    tiers.drop(key);
    return undefined;
  }
  return mine ? kept : undefined;
}

/** Who says who they are gets only what says of itself that it is for everyone. */
const mayHave = (open: CacheRequest, { reading }: Entry): boolean =>
  !hasCredentials(open) || withheldFrom(open, reading.audience) === undefined;
