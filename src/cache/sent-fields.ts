import type { HeaderList } from "../core/headers.ts";
import { varyNames } from "./rules/vary.ts";

/**
 * Which fields of a request the dependency sees when its answer may be kept for others. A field that is not in the key
 * and changes the answer all the same poisons it for everyone ("web cache poisoning", J. Kettle, 2018): so it does not
 * arrive, unless it is one that servers negotiate with and say so in Vary, or the route or the answer's Vary names it.
 */
export type SentFields = "all" | ReadonlySet<string>;

/**
 * Negotiation, directives for caches further in, and what says which way a request came, without which loops are not
 * seen. X-Forwarded-Host and X-Forwarded-Proto are ours, or a trusted proxy's and then in the key. Credentials arrive only
 * where the key holds them: other requests that have some are not fetched for others.
 */
const SENT = [
  "accept",
  "accept-charset",
  "accept-encoding",
  "accept-language",
  "authorization",
  "cache-control",
  "cdn-loop",
  "cookie",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "pragma",
  "range",
  "via",
  "x-forwarded-host",
  "x-forwarded-proto",
];

export const compileSentFields = (setting: "all" | readonly string[], keyed: Iterable<string> = []): SentFields =>
  setting === "all" ? "all" : new Set([...SENT, ...setting.map((name) => name.toLowerCase()), ...keyed]);

/** In place of the client's own, which servers tailor answers to. */
const AGENT = ["user-agent", "spillway"];

/** The fields that are sent, with those that `vary` names. The same list when nothing is withheld. */
export function sentFields(headers: HeaderList, sent: SentFields, vary: string): HeaderList {
  if (sent === "all") return headers;
  const learnt = namesOf(vary);
  const fields: HeaderList = [];
  let agent = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    if (!sent.has(name) && !learnt.includes(name)) continue;
    agent ||= name === "user-agent";
    fields.push(headers[i]!, headers[i + 1]!);
  }
  return agent ? fields : [...fields, ...AGENT];
}

/** Whether an answer depends on a field that the request had and the dependency did not get to see. */
export function isWithheld(headers: HeaderList, sent: SentFields, known: string, vary: string): boolean {
  if (sent === "all" || vary === "") return false;
  const learnt = namesOf(known);
  const unseen = namesOf(vary).filter((name) => !sent.has(name) && !learnt.includes(name));
  if (unseen.length === 0) return false;
  for (let i = 0; i < headers.length; i += 2) if (unseen.includes(headers[i]!.toLowerCase())) return true;
  return false;
}

const NONE: readonly string[] = [];

const namesOf = (vary: string): readonly string[] =>
  vary === "" ? NONE : (varyNames({ status: 200, headers: ["Vary", vary] }) ?? NONE);
