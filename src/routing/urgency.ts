/** How urgent a request is, by its own words: what lowers its class, and what may raise it. */
import { readDictionary } from "../core/dictionary.ts";
import type { PriorityClass } from "../core/exchange.ts";
import { CLASSES } from "./priority-settings.ts";

const rankOf: Readonly<Record<PriorityClass, number>> = { system: 0, critical: 1, default: 2, sheddable: 3, bulk: 4 };

/** The less important of two classes. */
const lower = (one: PriorityClass, other: PriorityClass): PriorityClass => (rankOf[one] > rankOf[other] ? one : other);

/** RFC 9218 section 4.1: 0 to 7. Of values of another type or range nothing is taken. */
const isUrgency = (value: number): boolean => value >= 0 && value <= 7;

/** Longest `Priority` that is looked at; those in use have less than 20 characters. */
const LONGEST_PRIORITY = 1024;

/**
 * The urgency in a `Priority` field (RFC 9218 section 4.1), 0 the most; undefined without one, and where the field is no
 * dictionary (section 4: then it says nothing). A key that comes twice counts as it stands last.
 */
export function readPriority(text: string): number | undefined {
  // What browsers send.
  if (text.startsWith("u=") && (text.length === 3 || (text.length === 6 && text.endsWith(", i")))) {
    const digit = text.charCodeAt(2) - 0x30;
    return isUrgency(digit) ? digit : undefined;
  }
  if (text.length > LONGEST_PRIORITY) return undefined;
  const entry = readDictionary(text)?.findLast(({ key }) => key === "u");
  return entry?.value.type === "integer" && isUrgency(entry.value.value) ? entry.value.value : undefined;
}

/** A class after `Priority`. Raised, to critical at most, only where the field may do so. */
function prioritized(cls: PriorityClass, urgency: number, mayRaise: boolean): PriorityClass {
  if (urgency >= 6) return lower(cls, "bulk");
  const meant = urgency >= 4 ? "sheddable" : urgency >= 2 ? "default" : "critical";
  if (mayRaise && rankOf[meant] < rankOf[cls]) return meant;
  return urgency >= 4 ? lower(cls, meant) : cls;
}

const attempt = (text: string): number => (/^\d{1,4}$/.test(text.trim()) ? Number(text) : 0);

/** One class down, where a repetition may not press in before first attempts. */
const again = (cls: PriorityClass): PriorityClass =>
  cls === "system" || cls === "critical" ? cls : (CLASSES[rankOf[cls] + 1] ?? cls);

/**
 * The class that is left of `cls` by what the fields say, names in lower case: `Priority`, and that it is a repetition
 * (`X-Retry-Attempt` from 1, `X-Envoy-Attempt-Count` from 2), which takes all but system and critical one class down.
 * What cannot be read says nothing.
 */
export function urgent(cls: PriorityClass, fields: readonly string[], mayRaise: boolean): PriorityClass {
  let priority: string | undefined;
  let repeated = false;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const value = fields[i + 1]!;
    if (fields[i] === "priority") priority = priority === undefined ? value : `${priority}, ${value}`;
    else if (fields[i] === "x-retry-attempt") repeated ||= attempt(value) >= 1;
    else if (fields[i] === "x-envoy-attempt-count") repeated ||= attempt(value) >= 2;
  }
  const urgency = priority === undefined ? undefined : readPriority(priority);
  const meant = urgency === undefined ? cls : prioritized(cls, urgency, mayRaise);
  return repeated ? again(meant) : meant;
}
