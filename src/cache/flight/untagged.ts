import type { Outcome } from "../../core/outcome.ts";
import type { CacheParts } from "../parts.ts";
import { withoutTags } from "../tags/origin-tags.ts";

/** An answer as clients of this route get it: without the fields that name its tags, unless they are to be passed on. */
export function untagged({ passTags = false }: Pick<CacheParts, "passTags">, outcome: Outcome): Outcome {
  if (outcome.kind !== "served" || passTags) return outcome;
  const headers = withoutTags(outcome.headers);
  return headers === outcome.headers ? outcome : { ...outcome, headers };
}
