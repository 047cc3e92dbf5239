import type { PriorityClass } from "../core/exchange.ts";
import { headerValue, type HeaderList } from "../core/headers.ts";
import type { RouteSettings } from "./settings.ts";

/** The class a route gives a request; a mapped one is read from the first line of its field. */
export function compilePriority(setting: RouteSettings["priority"]): (headers: HeaderList) => PriorityClass {
  if (typeof setting === "string") return () => setting;
  const field = setting.header.toLowerCase();
  const classes = new Map(Object.entries(setting.map));
  const otherwise = setting.default;
  return (headers) => {
    const value = headerValue(headers, field);
    return value === undefined ? otherwise : (classes.get(value.trim()) ?? otherwise);
  };
}
