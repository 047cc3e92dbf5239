import { joinedHeader, listMembers, withoutHeaders, type HeaderList } from "../../core/headers.ts";

/** Tags of one entry, the route's own among them. */
export const MOST_TAGS = 64;
/** Characters of a tag. */
export const LONGEST_TAG = 256;

const FIELDS: ReadonlySet<string> = new Set(["surrogate-key", "cache-tag"]);

/**
 * The tags an answer brings: `Surrogate-Key`, separated by blanks, and `Cache-Tag`, by commas. Each once. Undefined when
 * together with the route's own there are more than {@link MOST_TAGS}, or one is longer than {@link LONGEST_TAG}: such
 * an answer could not be purged by all it says, so it is not kept.
 */
export function tagsOf(headers: readonly string[], own: readonly string[]): readonly string[] | undefined {
  const keys = joinedHeader(headers, "surrogate-key");
  const list = joinedHeader(headers, "cache-tag");
  if (keys === undefined && list === undefined) return isWithinBounds(own) ? own : undefined;
  // Several lines of Surrogate-Key were joined by commas.
  const named = [...(keys?.split(/[\s,]+/) ?? []), ...(list === undefined ? [] : listMembers(list))];
  const tags = [...new Set([...own, ...named.filter((tag) => tag !== "")])];
  return isWithinBounds(tags) ? tags : undefined;
}

const isWithinBounds = (tags: readonly string[]): boolean =>
  tags.length <= MOST_TAGS && tags.every((tag) => tag.length <= LONGEST_TAG);

/** An answer's fields without those that name its tags: they tell clients how the origin is built. */
export function withoutTags(headers: HeaderList): HeaderList {
  for (let i = 0; i < headers.length; i += 2) {
    if (FIELDS.has(headers[i]!.toLowerCase())) return withoutHeaders(headers, FIELDS);
  }
  return headers;
}
