import type { CacheAnswer, CacheAsk, EntryReading } from "../core/cache-control.ts";
import type { Control } from "../core/control.ts";
import { isSecretName, REDACTED, redactText } from "../core/redact.ts";
import type { Answer, OpsCall } from "./call.ts";
import { entriesShape, reportShape, statsShape, tagsShape } from "./cache-shapes.ts";
import { countedOf, ledgerOf, reportOf, sumOf } from "./cache-sum.ts";

const json = (description: string, schema: NonNullable<Answer["schema"]>): OpsCall["answers"] => ({
  200: { description, contentType: "application/json", schema },
});

/** What operators see of the cache, all processes added up. */
export const cache = (control: Control): readonly OpsCall[] => [
  stats(control),
  report(control),
  tags(control),
  entries(control),
];

const stats = (control: Control): OpsCall => ({
  method: "GET",
  path: "/ops/cache/stats",
  access: "read",
  summary: "What the cache holds and how often it helped, since the start",
  answers: json("Figures", statsShape),
  async run() {
    const { found, silent } = await ask(control, { do: "read" }, "read");
    const readings = found.map(({ reading }) => reading);
    return { kind: "json", status: 200, body: sumOf(readings, silent) };
  },
});

const report = (control: Control): OpsCall => ({
  method: "GET",
  path: "/ops/cache/report",
  access: "read",
  summary: "Where the cache does well and where it does not: routes and URLs",
  answers: json("The report", reportShape),
  async run() {
    const { found, silent } = await ask(control, { do: "read" }, "read");
    const readings = found.map(({ reading }) => reading);
    const report = reportOf(readings, silent);
    const clean = (list: typeof report.used) => list.map(({ name, count }) => ({ name: redactText(name), count }));
    const body = { ...report, missed: clean(report.missed), used: clean(report.used) };
    return { kind: "json", status: 200, body };
  },
});

const tags = (control: Control): OpsCall => ({
  method: "GET",
  path: "/ops/cache/tags",
  access: "read",
  summary: "Tags by what is kept under them, and what was purged last",
  answers: json("Tags", tagsShape),
  async run() {
    const { found } = await ask(control, { do: "tags" }, "tags");
    const readings = found.map(({ tags }) => tags);
    const body = {
      ledger: ledgerOf(readings.map(({ ledger }) => ledger)),
      top: countedOf(readings.map(({ top }) => top)),
      purged: readings[0]?.purged ?? [],
    };
    return { kind: "json", status: 200, body };
  },
});

const entries = (control: Control): OpsCall => ({
  method: "GET",
  path: "/ops/cache/entries/{key}",
  access: "read",
  summary: "What is kept under a key or of a URL: everything but the bodies",
  answers: json("The entries, one or more variants in one or more tiers", entriesShape),
  async run({ params }) {
    const { found } = await ask(control, { do: "entries", key: params["key"] ?? "" }, "entries");
    const entries = found.flatMap((answer) => answer.entries.map(shown));
    if (entries.length > 0) return { kind: "json", status: 200, body: { entries } };
    return { kind: "problem", status: 404, detail: "Nothing is kept under this key, or of this URL" };
  },
});

async function ask<Did extends CacheAnswer["did"]>(control: Control, asked: CacheAsk, did: Did) {
  const { answers, silent } = await control.cache(asked);
  return {
    found: answers.filter((answer): answer is Extract<CacheAnswer, { did: Did }> => answer.did === did),
    silent,
  };
}

/** Nothing that a credential could be taken from. */
function shown(entry: EntryReading) {
  const { headers, url, createdAt, keepUntil, lastAccessAt, variant, key, ...rest } = entry;
  const fields: [string, string][] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!;
    fields.push([name, isSecretName(name) ? REDACTED : redactText(headers[i + 1]!)]);
  }
  return {
    ...rest,
    key: redactText(key),
    url: redactText(url),
    variant: isSecretName(entry.vary) ? REDACTED : redactText(variant),
    headers: fields,
    createdAt: timeOf(createdAt),
    keepUntil: timeOf(keepUntil),
    lastAccessAt: lastAccessAt === undefined ? null : timeOf(lastAccessAt),
  };
}

/** Dates end in the year 275760, and an entry may be kept for longer than that. */
const timeOf = (at: number): string => new Date(Math.min(at, 8.64e15)).toISOString();
