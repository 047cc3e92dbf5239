/**
 * Header fields as Node hands them over and takes them back: one flat list `[name, value, name, value, ...]`,
 * order, spelling and repeated lines kept. No object is made of them on the request path.
 */
export type HeaderList = string[];

/** First value of a field, matched without regard to case; undefined when absent. `lower` must be lower case. */
export function headerValue(list: readonly string[], lower: string): string | undefined {
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!;
    if (name.length === lower.length && (name === lower || name.toLowerCase() === lower)) return list[i + 1];
  }
  return undefined;
}

/** All lines of a field joined by ", " (RFC 9110 section 5.3); undefined when absent. Not for Set-Cookie. */
export function joinedHeader(list: readonly string[], lower: string): string | undefined {
  let joined: string | undefined;
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!;
    if (name.length === lower.length && name.toLowerCase() === lower) {
      joined = joined === undefined ? list[i + 1]! : `${joined}, ${list[i + 1]!}`;
    }
  }
  return joined;
}

/** A new list without the named fields. `lower` holds lower-case names. */
export function withoutHeaders(list: readonly string[], lower: ReadonlySet<string>): HeaderList {
  const kept: HeaderList = [];
  for (let i = 0; i < list.length; i += 2) {
    if (!lower.has(list[i]!.toLowerCase())) kept.push(list[i]!, list[i + 1]!);
  }
  return kept;
}

/** A field name as RFC 9110 section 5.1 defines it: a token. */
export const isToken = (text: string): boolean => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);

/** The members of a comma-separated field value, trimmed, empty ones left out. Not for values with quoted commas. */
export function listMembers(value: string): string[] {
  const members: string[] = [];
  for (const part of value.split(",")) {
    const member = part.trim();
    if (member) members.push(member);
  }
  return members;
}

/** Whether a list has a field of this lower-case name. */
export const hasHeader = (list: readonly string[], lower: string): boolean => headerValue(list, lower) !== undefined;
