import type { HeaderList } from "../core/headers.ts";
import { readCookies, type Cookie } from "./cookies.ts";
import type { Claims, Identities } from "../core/identity.ts";
import type { KeySettings } from "./key-settings.ts";
import { joinedHeader } from "../core/headers.ts";

/** What answers are kept under beside the URL. */
export interface VaryBy {
  /** Fields (lower case) and cookies that the key holds. */
  readonly fields: ReadonlySet<string>;
  readonly cookies: ReadonlySet<string>;
  /** Whether the key holds who asks, by a verified token: then Authorization is nobody's own. */
  readonly identity: boolean;
  /** The parts of the key; undefined when a value is missing, empty or given twice: nothing may be shared then. */
  partsOf(headers: HeaderList): readonly string[] | undefined | Promise<readonly string[] | undefined>;
}

type Reader = (headers: HeaderList, cookies: readonly Cookie[], claims: Claims | undefined) => string | undefined;

const present = (value: string | undefined): string | undefined => (value === "" ? undefined : value);

const readHeader =
  (name: string): Reader =>
  (headers) =>
    present(joinedHeader(headers, name)?.trim());

const readCookie =
  (name: string): Reader =>
  (_, cookies) => {
    const found = cookies.filter((cookie) => cookie.name === name);
    return found.length === 1 ? present(found[0]!.text.slice(name.length + 1).trim()) : undefined;
  };

/** As JSON: the number 1 and the text "1" are two. */
const readClaim =
  (name: string): Reader =>
  (_, __, claims) => {
    const value = claims && Object.hasOwn(claims, name) ? claims[name] : undefined;
    return value === undefined || value === null || value === "" ? undefined : JSON.stringify(value);
  };

/** Each source with its name, so that a change of the setting finds nothing that was kept under another. */
export function compileVaryBy(sources: KeySettings["varyBy"], identities: Identities | undefined): VaryBy | undefined {
  if (!sources) return undefined;
  const fields = new Set<string>();
  const cookies = new Set<string>();
  let identity = false;
  const readers = sources.map((source): readonly [name: string, read: Reader] => {
    if (typeof source === "object" && "header" in source) {
      const name = source.header.toLowerCase();
      fields.add(name);
      return [`header:${name}`, readHeader(name)];
    }
    if (typeof source === "object" && "cookie" in source) {
      cookies.add(source.cookie);
      return [`cookie:${source.cookie}`, readCookie(source.cookie)];
    }
    identity = true;
    const claim =
      typeof source === "object" ? source.claim : source === "user" ? identities?.userClaim : identities?.roleClaim;
    return [`claim:${claim}`, readClaim(claim ?? "")];
  });
  const join = (headers: HeaderList, claims: Claims | undefined): readonly string[] | undefined => {
    const sent = cookies.size > 0 ? readCookies(headers) : [];
    const parts: string[] = [];
    for (const [name, read] of readers) {
      const value = read(headers, sent, claims);
      if (value === undefined) return undefined;
      parts.push(name, value);
    }
    return parts;
  };
  return {
    fields,
    cookies,
    identity,
    partsOf(headers) {
      if (!identity) return join(headers, undefined);
      const claims = identities?.claimsOf(headers);
      if (claims instanceof Promise) return claims.then((known) => known && join(headers, known));
      return claims && join(headers, claims);
    },
  };
}
