/** Entity tags (RFC 9110 section 8.8.3), kept as they are spelt: `"a"`, `W/"a"`. */
import { skipBlanks, trimBlanks } from "../../core/characters.ts";

/** The members of an `If-None-Match` value; a comma inside quotes is part of a tag, what has no quotes is a tag too. */
export function entityTags(text: string): string[] {
  const tags: string[] = [];
  let i = 0;
  while (i < text.length) {
    i = skipBlanks(text, i);
    const start = i;
    if (text.startsWith('W/"', i)) i += 2;
    if (text[i] === '"') {
      const close = text.indexOf('"', i + 1);
      i = close < 0 ? text.length : close + 1;
    }
    while (i < text.length && text[i] !== ",") i++;
    const tag = trimBlanks(text.slice(start, i));
    if (tag !== "") tags.push(tag);
    i++;
  }
  return tags;
}

const opaque = (tag: string): string => (tag.startsWith("W/") ? tag.slice(2) : tag);

/** RFC 9110 section 8.8.3.2: equal whether weak or not. */
export const weaklyEqual = (one: string, other: string): boolean => opaque(one) === opaque(other);

/** RFC 9110 section 8.8.3.2: equal, and neither weak. */
export const stronglyEqual = (one: string, other: string): boolean => one === other && isStrong(one);

export const isStrong = (tag: string): boolean => tag.length > 1 && tag.startsWith('"') && tag.endsWith('"');
