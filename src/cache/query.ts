import type { KeySettings } from "./key-settings.ts";

/** A query, "?" included, as it is kept under and asked for; "" for none. */
export type QueryRule = (query: string) => string;

/**
 * What a route's answers depend on in the query. What is left out is neither in the key nor sent to the dependency, so
 * no answer can be kept under a query that did not bring it. Names are compared as they are written: an escaped spelling
 * of an ignored name is not ignored, one of a wanted name is not wanted. Parameters are separated by "&" alone.
 */
export function compileQuery(settings: KeySettings["query"]): QueryRule | undefined {
  if (settings === undefined) return undefined;
  const { ignore, only, sort } = settings;
  const ignored = ignore && compileNames(ignore);
  const wanted = only && compileNames(only);
  return (query) => {
    if (query.length <= 1) return "";
    const kept = query.slice(1).split("&");
    const left = kept.filter((text) => {
      const name = nameOf(text);
      return !ignored?.(name) && (wanted === undefined || wanted(name));
    });
    if (sort) left.sort(byName);
    return left.length === 0 ? "" : `?${left.join("&")}`;
  };
}

const nameOf = (text: string): string => {
  const at = text.indexOf("=");
  return at < 0 ? text : text.slice(0, at);
};

/** By name; those of one name keep their order. */
function byName(one: string, other: string): number {
  const [a, b] = [nameOf(one), nameOf(other)];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether a name is one of these; `utm_*` is every name that begins so. */
export function compileNames(names: readonly string[]): (name: string) => boolean {
  const whole = new Set(names.filter((name) => !name.endsWith("*")));
  const starts = names.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  return (name) => whole.has(name) || starts.some((start) => name.startsWith(start));
}
