import { createHash } from "node:crypto";
import type { Entry } from "../entry.ts";
import type { Purge, PurgeTarget } from "./ledger.ts";

/** Every kind of target, with what it is remembered under beside the log. */
const MARKED: Readonly<Record<PurgeTarget["kind"], "t" | "u" | "a" | "b">> = {
  tag: "t",
  url: "u",
  prefix: "b",
  pattern: "b",
  all: "a",
};

/** What a message stands for that this version cannot read: a newer one may purge by what is not known here. */
const UNREADABLE: Purge = { targets: [{ kind: "all" }], soft: true };

/** A purge as instances tell each other. `origin`: who was asked for it, for people who look at the log. */
export const writePurge = ({ targets, soft, changed = false }: Purge, origin: string): string =>
  JSON.stringify({ v: 1, origin, soft, changed, targets });

/** Never throws. What it cannot read counts as a soft purge of everything. */
export function readPurge(text: string): Purge {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return UNREADABLE;
  }
  if (!isRecord(value) || typeof value["soft"] !== "boolean") return UNREADABLE;
  const { soft, changed, targets } = value;
  if (!Array.isArray(targets) || !targets.every(isTarget)) return UNREADABLE;
  return { targets, soft, changed: changed === true };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** Of a known kind; what it names stands under the name of the kind. */
const isTarget = (value: unknown): value is PurgeTarget =>
  isRecord(value) &&
  Object.hasOwn(MARKED, String(value["kind"])) &&
  (value["kind"] === "all" || typeof value[String(value["kind"])] === "string");

/** Names up to this length are remembered as they are. */
const LONGEST = 128;

const short = (name: string): string =>
  name.length <= LONGEST ? name : createHash("sha256").update(name).digest("base64url");

/** Under which mark a purge of this target is remembered: one of its own, or one for all that no entry names. */
function markOf(target: PurgeTarget): string {
  const mark = MARKED[target.kind];
  if (target.kind === "tag") return `${mark}:${short(target.tag)}`;
  return target.kind === "url" ? `${mark}:${short(target.url)}` : mark;
}

/** The marks that a purge sets. */
export const marksOfPurge = ({ targets, soft }: Purge): readonly string[] => [
  ...new Set(targets.map((target) => (soft ? "s" : "h") + markOf(target))),
];

/** The marks that could have been set for an entry, without the letter for soft or hard. */
export const marksOfEntry = ({ url, tags }: Pick<Entry, "url" | "tags">): readonly string[] => [
  "a",
  "b",
  `u:${short(url)}`,
  ...tags.map((tag) => `t:${short(tag)}`),
];
