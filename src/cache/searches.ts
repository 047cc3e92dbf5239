import { LRUCache } from "lru-cache";
import type { Asked } from "./asked.ts";
import type { Entry } from "./entry.ts";
import { keptFor, type Kept } from "./kept.ts";
import { joinParts } from "./key.ts";
import type { CacheParts } from "./parts.ts";
import { searchOf, searchRuleOf, type SearchRule } from "./rules/no-vary-search.ts";

/** Paths whose rule is remembered, and queries whose key is; the least recently used is forgotten, which costs a fetch. */
const MOST_PATHS = 1000;
const MOST_QUERIES = 10_000;

/** Where an answer stands, and the URL that brought it. */
interface Place {
  readonly key: string;
  readonly url: string;
}

/**
 * Where answers with a No-Vary-Search are found by queries that mean the same. It only says where to look: whether what
 * stands there fits is read from the answer itself, by {@link fitsSearch}.
 */
export class Searches {
  readonly #rules = new LRUCache<string, SearchRule>({ max: MOST_PATHS });
  readonly #places = new LRUCache<string, Place>({ max: MOST_QUERIES });

  /** Whether there is nothing to look for: so it is for all whose answers have no such field. */
  get isEmpty(): boolean {
    return this.#rules.size === 0;
  }

  /** Takes note of what was kept under the key of `asked`. `path`: the key it would have without a query. */
  kept(asked: Asked, { head, url }: Entry, path: string): void {
    const rule = searchRuleOf(head.headers);
    if (!rule) return void this.#rules.delete(path);
    this.#rules.set(path, rule);
    this.#places.set(nameOf(path, asked.exchange.query, rule), { key: asked.key, url });
  }

  /** Where else there may be an answer to this query. */
  find(query: string, path: string): Place | undefined {
    const rule = this.#rules.get(path);
    return rule && this.#places.get(nameOf(path, query, rule));
  }
}

const nameOf = (path: string, query: string, rule: SearchRule): string =>
  joinParts([path, rule.text, searchOf(query, rule)]);

/** All of a key but the query; undefined where that takes longer than it is worth. */
export function pathKey({ ask }: Pick<CacheParts, "ask">, exchange: Asked["exchange"]): string | undefined {
  const asked = ask({ ...exchange, target: exchange.path, query: "" });
  return asked instanceof Promise ? undefined : asked?.key;
}

/** What another query brought that is for this one too. */
export async function keptForSearch(parts: CacheParts, asked: Asked): Promise<Kept | undefined> {
  const { searches } = parts.flights.notes;
  const { query } = asked.exchange;
  const path = pathKey(parts, asked.exchange);
  const place = path === undefined ? undefined : searches.find(query, path);
  if (!place || place.key === asked.key) return undefined;
  const kept = await keptFor(parts, { ...asked, key: place.key });
  return kept && fitsSearch(kept.entry, query) ? kept : undefined;
}

/** Whether an answer that another query brought is one for this query too, by the rule that came with it. */
function fitsSearch({ head, url }: Entry, query: string): boolean {
  const rule = searchRuleOf(head.headers);
  const at = url.indexOf("?");
  return rule !== undefined && searchOf(at < 0 ? "" : url.slice(at), rule) === searchOf(query, rule);
}
