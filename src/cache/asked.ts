import type { Exchange } from "../core/exchange.ts";
import { hasHeader, headerValue, withoutHeaders, type HeaderList } from "../core/headers.ts";
import { readCookies, withCookies } from "./cookies.ts";
import type { KeySettings } from "./key-settings.ts";
import { cacheKey } from "./key.ts";
import { compileNames, compileQuery, type QueryRule } from "./query.ts";
import type { VersionOf } from "./roll-over.ts";
import { isSilent } from "./rules/silent.ts";
import type { CacheRequest } from "./rules.ts";
import type { VaryBy } from "./vary-by.ts";

/** A request as the cache of its route sees it. */
export interface Asked {
  readonly key: string;
  /** Without what the route's answers do not depend on: parts of the query, irrelevant cookies. */
  readonly exchange: Exchange;
  /** Its fields less the credentials that the key holds: what the rules about privacy look at. */
  readonly open: CacheRequest;
  /** See {@link isSilent}. */
  readonly silent: boolean;
}

/**
 * How a route's requests are told apart. Undefined: something that its key needs is missing, and the request passes by.
 * A promise only while a token is verified for the first time.
 */
export type Ask = (exchange: Exchange) => Asked | undefined | Promise<Asked | undefined>;

const AUTHORIZATION: ReadonlySet<string> = new Set(["authorization"]);
const COOKIE: ReadonlySet<string> = new Set(["cookie"]);

/**
 * Why no answer of one user reaches another through this. A credential leaves the rules' sight (`open`) in two cases only.
 * An irrelevant cookie is taken out of the exchange itself: the dependency never sees it, so no answer depends on it. A
 * credential that `varyBy` names stays in the exchange and is in the key by its value: a cookie as it was sent, a token by
 * claims that were verified here, so nobody can choose them. Whoever shares the key has the same values, and that those
 * are all the answer depends on is what the route's `varyBy` states. Everything else keeps a request personal: another
 * cookie beside them, a second Authorization, a token that cannot be verified, a value that is missing. And what the
 * dependency calls private or no-store, or sets a cookie with, is kept for nobody all the same.
 */
export function compileAsk(settings: KeySettings, versionOf: VersionOf, varyBy: VaryBy | undefined): Ask {
  const { query, cookieIrrelevant } = settings;
  const rule = compileQuery(query);
  const irrelevant = irrelevance(cookieIrrelevant, varyBy);
  const build = (exchange: Exchange, parts: readonly string[]): Asked => {
    const asked = rewritten(exchange, rule, irrelevant);
    const key = cacheKey(asked, versionOf(asked), [...forwardedAs(asked), ...parts]);
    return { key, exchange: asked, open: varyBy ? opened(asked, varyBy) : asked, silent: isSilent(asked.headers) };
  };
  if (varyBy) {
    return (exchange) => {
      const parts = varyBy.partsOf(exchange.headers);
      if (parts instanceof Promise) return parts.then((known) => known && build(exchange, known));
      return parts && build(exchange, parts);
    };
  }
  return (exchange) => build(exchange, NONE);
}

const NONE: readonly string[] = [];

/** Which cookies are taken out: never one that the key holds. */
function irrelevance(
  setting: KeySettings["cookieIrrelevant"],
  varyBy: VaryBy | undefined,
): ((name: string) => boolean) | undefined {
  if (setting === undefined) return undefined;
  const named = setting === true ? () => true : compileNames(setting);
  return (name) => named(name) && !varyBy?.cookies.has(name);
}

/** A trusted proxy's word on how it was asked, where that is not how we were: the dependency sees it, so the key holds it. */
function forwardedAs({ client, headers, scheme, authority }: Exchange): readonly string[] {
  if (!client.trusted) return NONE;
  const proto = headerValue(headers, "x-forwarded-proto") ?? scheme;
  const host = headerValue(headers, "x-forwarded-host") ?? authority;
  return proto === scheme && host === authority ? NONE : ["forwarded", proto, host];
}

function rewritten(
  exchange: Exchange,
  rule: QueryRule | undefined,
  irrelevant: ((name: string) => boolean) | undefined,
): Exchange {
  const query = rule ? rule(exchange.query) : exchange.query;
  const headers =
    irrelevant && hasHeader(exchange.headers, "cookie") ? relevant(exchange.headers, irrelevant) : undefined;
  if (query === exchange.query && !headers) return exchange;
  const { id, startedAt, method, path, scheme, authority, client, route, params, trace, departure } = exchange;
  const { tenant, cohort, deadline } = exchange;
  const who = { client, tenant, cohort, deadline };
  const facts = { id, startedAt, method, path, scheme, authority, ...who, route, params, trace, departure };
  const at = exchange.target.indexOf("?");
  const target = at < 0 ? exchange.target : exchange.target.slice(0, at);
  return {
    ...facts,
    target: query === exchange.query ? exchange.target : target + query,
    query,
    headers: headers ?? exchange.headers,
    class: exchange.class,
    body: undefined,
    interim: (status, fields) => exchange.interim(status, fields),
    upgrade: undefined,
    handOn: undefined,
  };
}

function relevant(headers: HeaderList, irrelevant: (name: string) => boolean): HeaderList {
  return withCookies(
    headers,
    readCookies(headers).filter(({ name }) => !irrelevant(name)),
  );
}

/** Without the credentials that the key holds, where it holds them all. */
function opened({ method, headers }: Exchange, { identity, cookies }: VaryBy): CacheRequest {
  const authorized = identity ? withoutHeaders(headers, AUTHORIZATION) : headers;
  const keyed = cookies.size > 0 && readCookies(headers).every(({ name }) => cookies.has(name));
  return { method, headers: keyed ? withoutHeaders(authorized, COOKIE) : authorized };
}
