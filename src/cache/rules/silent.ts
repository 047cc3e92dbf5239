import type { HeaderList } from "../../core/headers.ts";

/** Fields of a request that a cache heeds: directives, conditions, parts and credentials. */
const HEEDED: ReadonlySet<string> = new Set([
  "authorization",
  "cache-control",
  "cookie",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "pragma",
  "range",
]);

/** By length, so that most names need not be looked up. */
const LENGTHS: readonly boolean[] = Array.from({ length: 20 }, (_, length) =>
  [...HEEDED].some((name) => name.length === length),
);

/** Whether a request has none of these fields, as most have: then what is fresh answers it, whole, whoever asks. */
export function isSilent(headers: HeaderList): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (LENGTHS[name.length] === true && HEEDED.has(name.toLowerCase())) return false;
  }
  return true;
}
