/**
 * `No-Vary-Search` (draft-ietf-httpbis-no-vary-search): which parts of a query an answer does not depend on. A field that
 * is malformed in any way counts as absent: then the whole query matters.
 */
import { joinedHeader } from "../../core/headers.ts";
import { readDictionary, type Value } from "../../core/dictionary.ts";

/** What of a query does not matter. */
export interface SearchRule {
  readonly keyOrder: boolean;
  /** Names that do not matter; `all`: none does but `except`. */
  readonly ignored: readonly string[] | "all";
  readonly except: readonly string[];
  /** One text for rules that mean the same, unlike that of any other. */
  readonly text: string;
}

const strings = (value: Value | undefined): readonly string[] | undefined =>
  value?.type === "strings" ? value.values : undefined;

const sortedNames = (names: readonly string[]): readonly string[] => [...new Set(names.map(decode))].sort();

/** The rule of an answer; undefined when its whole query matters. */
export function searchRuleOf(headers: readonly string[]): SearchRule | undefined {
  const field = joinedHeader(headers, "no-vary-search");
  const entries = field === undefined ? undefined : readDictionary(field);
  if (!entries) return undefined;
  const members = new Map(entries.map(({ key, value }) => [key, value]));
  const order = members.get("key-order");
  const params = members.get("params");
  const exceptions = members.get("except");
  if (order && order.type !== "boolean") return undefined;
  if (params && params.type !== "boolean" && !strings(params)) return undefined;
  const all = params?.type === "boolean" && params.value;
  // Exceptions make sense only to "none matters".
  if (exceptions && (!all || !strings(exceptions))) return undefined;
  const keyOrder = order?.type === "boolean" && order.value;
  const ignored = all ? "all" : sortedNames(strings(params) ?? []);
  const except = sortedNames(strings(exceptions) ?? []);
  if (!keyOrder && ignored.length === 0) return undefined;
  return { keyOrder, ignored, except, text: JSON.stringify([keyOrder, ignored, except]) };
}

const isHex = (text: string | undefined): boolean => text !== undefined && /^[\dA-Fa-f]$/.test(text);

/**
 * Octets of a form-urlencoded text, a character each: not read as UTF-8, in which different octets that are none would
 * become one.
 */
function decode(text: string): string {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "%" && isHex(text[i + 1]) && isHex(text[i + 2])) {
      out += String.fromCharCode(Number.parseInt(text.slice(i + 1, i + 3), 16));
      i += 2;
    } else out += text[i] === "+" ? " " : text[i]!;
  }
  return out;
}

const encode = (text: string): string =>
  text.replaceAll(/[^\w.~-]/g, (mark) => `%${mark.charCodeAt(0).toString(16).padStart(2, "0")}`);

type Parameter = readonly [name: string, value: string];

function parametersOf(query: string): Parameter[] {
  const parameters: Parameter[] = [];
  for (const part of query.slice(1).split("&")) {
    if (part === "") continue;
    const at = part.indexOf("=");
    parameters.push(at < 0 ? [decode(part), ""] : [decode(part.slice(0, at)), decode(part.slice(at + 1))]);
  }
  return parameters;
}

/**
 * What a query, "?" included, has of what matters: one text for all queries that an answer with this rule fits alike, and
 * unlike that of any other. "" when nothing does.
 */
export function searchOf(query: string, { keyOrder, ignored, except }: SearchRule): string {
  const matters = ([name]: Parameter): boolean => (ignored === "all" ? except.includes(name) : !ignored.includes(name));
  const left = parametersOf(query).filter(matters);
  if (keyOrder) left.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
  return left.length === 0 ? "" : `?${left.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&")}`;
}
