import type { PriorityClass } from "../core/exchange.ts";
import { headerValue, type HeaderList } from "../core/headers.ts";
import type { RouteSettings } from "./settings.ts";

/**
 * The class a route gives a request: a mapped one is read from the first line of its field, and a route without a priority
 * gives that of the method in `methods`, else default.
 */
export function compilePriority(
  setting: RouteSettings["priority"],
  methods: Readonly<Record<string, PriorityClass>> = {},
): (headers: HeaderList, method: string) => PriorityClass {
  if (setting === undefined) {
    const byMethod = new Map(Object.entries(methods));
    return byMethod.size === 0 ? () => "default" : (_, method) => byMethod.get(method) ?? "default";
  }
  if (typeof setting === "string") return () => setting;
  const field = setting.header.toLowerCase();
  const classes = new Map(Object.entries(setting.map));
  const otherwise = setting.default;
  return (headers) => {
    const value = headerValue(headers, field);
    return value === undefined ? otherwise : (classes.get(value.trim()) ?? otherwise);
  };
}
