/** Lines of fields as a cache needs them: which are single, which never leave a connection. */
import { headerValue, joinedHeader, listMembers } from "../../core/headers.ts";

/** RFC 9110 section 7.6.1 and RFC 9111 section 3.1: about one connection, so neither stored nor merged. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** All values of a field, a line each. `lower` must be lower case. */
export function fieldLines(list: readonly string[], lower: string): string[] {
  const lines: string[] = [];
  for (let i = 0; i < list.length; i += 2) if (list[i]!.toLowerCase() === lower) lines.push(list[i + 1] ?? "");
  return lines;
}

/** The value of a field that may come once only; undefined when it is absent or comes more often. */
export function singleField(list: readonly string[], lower: string): string | undefined {
  const lines = fieldLines(list, lower);
  return lines.length === 1 ? lines[0] : undefined;
}

/** Lower-case names of the hop-by-hop fields of a message, those that its `Connection` lists among them. */
export function hopByHop(list: readonly string[]): ReadonlySet<string> {
  const listed = joinedHeader(list, "connection");
  if (listed === undefined) return HOP_BY_HOP;
  return new Set([...HOP_BY_HOP, ...listMembers(listed.toLowerCase())]);
}

/** First line of a field without blanks at its ends; undefined when absent. */
export const firstLine = (list: readonly string[], lower: string): string | undefined =>
  headerValue(list, lower)?.trim();
