/** For whom an answer is, who say in their requests who they are (RFC 9111 section 3.5). */
import type { CacheRequest } from "../rules.ts";
import { hasHeader } from "../../core/headers.ts";
import type { Directives } from "./directives.ts";

/**
 * Who may share a stored answer: `everyone` (public); those with `Authorization` too, but not those with cookies
 * (must-revalidate, s-maxage); or `anonymous` requests only.
 */
export type Audience = "everyone" | "authorized" | "anonymous";

export interface AudienceOptions {
  /** The route's answers do not depend on cookies: a request with some is like one without. Default: false. */
  readonly cookieIrrelevant?: boolean;
}

export function audienceOf({
  public: open,
  mustRevalidate,
  sMaxAge,
}: Pick<Directives, "public" | "mustRevalidate" | "sMaxAge">): Audience {
  if (open) return "everyone";
  return mustRevalidate || sMaxAge !== undefined ? "authorized" : "anonymous";
}

/** What of a request keeps an answer for this audience from being stored for it, or from being given to it. */
export function withheldFrom(
  request: CacheRequest,
  audience: Audience,
  options: AudienceOptions = {},
): "authorization" | "cookie" | undefined {
  if (audience === "everyone") return undefined;
  if (audience === "anonymous" && hasHeader(request.headers, "authorization")) return "authorization";
  return options.cookieIrrelevant !== true && hasHeader(request.headers, "cookie") ? "cookie" : undefined;
}
