/** Asking about several stored variants at once, and which of them a 304 names (RFC 9111 sections 4.1, 4.3.1, 4.3.4). */
import type { CacheRequest, CacheResponse, StoredHead } from "../rules.ts";
import { headerValue, joinedHeader, listMembers, type HeaderList } from "../../core/headers.ts";
import { entityTagOf } from "./conditional.ts";
import { isStrong, weaklyEqual } from "./entity-tag.ts";

/** Tags in one request, those of the variants that were used last. */
const MOST_TAGS = 16;
/** Characters of all of them: longer than that the question costs more than the answer may spare. */
const LONGEST = 2048;

/** What there is to know of a stored variant. */
export interface Variant {
  readonly head: StoredHead;
  readonly body: Buffer;
}

/**
 * Of stored variants that do not fit a request, those that the dependency may all the same find right for it. Only with a
 * strong tag, which names one sequence of octets, and one that no other octets have: servers that give all codings of a
 * thing the same tag would have us send a coding that the client cannot read. For the same reason none in a coding that
 * it does not accept.
 */
export function askable<Stored extends Variant>(variants: readonly Stored[], request: CacheRequest): readonly Stored[] {
  const byTag = Map.groupBy(variants, ({ head }) => opaqueOf(entityTagOf(head.headers) ?? ""));
  let length = 0;
  const asked: Stored[] = [];
  for (const [tag, [variant, ...others]] of byTag) {
    if (!variant || entityTagOf(variant.head.headers) !== tag || !isStrong(tag)) continue;
    if (others.some((other) => !isSame(variant, other))) continue;
    if (variant.head.status !== 200 || !accepts(request, variant.head)) continue;
    length += tag.length + 2;
    if (asked.length === MOST_TAGS || length > LONGEST) break;
    asked.push(variant);
  }
  return asked;
}

const opaqueOf = (tag: string): string => (tag.startsWith("W/") ? tag.slice(2) : tag);

/** One answer, kept for requests that differ. */
const isSame = (one: Variant, other: Variant): boolean =>
  entityTagOf(one.head.headers) === entityTagOf(other.head.headers) &&
  codingOf(one.head) === codingOf(other.head) &&
  (one.body === other.body || one.body.equals(other.body));

const codingOf = ({ headers }: CacheResponse): string =>
  joinedHeader(headers, "content-encoding")?.trim().toLowerCase() ?? "identity";

/** Whether the client takes the coding of a stored answer (RFC 9110 section 12.5.3). */
function accepts(request: CacheRequest, stored: CacheResponse): boolean {
  const coding = codingOf(stored);
  if (coding === "identity") return true;
  const accepted = joinedHeader(request.headers, "accept-encoding")?.toLowerCase() ?? "";
  return listMembers(accepted).some((member) => {
    const [name = "", ...weights] = member.split(";");
    return name.trim() === coding && !weights.some((weight) => /^q=0(?:\.0*)?$/.test(weight.trim()));
  });
}

/** `If-None-Match` with the tags of all of them; nothing for none. */
export function tagsOfAll(variants: readonly { readonly head: StoredHead }[]): HeaderList {
  const tags = variants.map(({ head }) => entityTagOf(head.headers)).filter((tag) => tag !== undefined);
  return tags.length > 0 ? ["If-None-Match", tags.join(", ")] : [];
}

/** The variant that a 304 names by its entity tag; undefined when it names none that was asked about. */
export function namedBy<Stored extends { readonly head: StoredHead }>(
  variants: readonly Stored[],
  response304: CacheResponse,
): Stored | undefined {
  if (headerValue(response304.headers, "etag") === undefined) return undefined;
  const tag = entityTagOf(response304.headers);
  return tag === undefined ? undefined : variants.find(({ head }) => weaklyEqual(entityTagOf(head.headers) ?? "", tag));
}
