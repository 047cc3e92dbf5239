import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { PurgeOrder } from "../core/cache-control.ts";
import type { Clock } from "../core/clock.ts";
import type { Control } from "../core/control.ts";
import type { OpsCall } from "./call.ts";
import { LONGEST_TAG, purgeAll } from "./cache-purge.ts";
import { isSigned } from "./signature.ts";

/** Ids of events that are known to be done. A sender that repeats an older one has it purged again, which harms nobody. */
const MOST_IDS = 10_000;
const MOST_EVENTS = 100;

const name = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, "expected a name of letters, digits, _ . -");
const id = z.union([z.string().min(1).max(128), z.int()]);

const event = z.strictObject({
  id: z.string().min(1).max(128).describe("The same on every try"),
  type: z.enum(["insert", "update", "delete", "bulk"]),
  table: name,
  ids: z.array(id).max(1000).default([]).describe("Rows, each the tag TABLE:ID"),
  tags: z.array(z.string().min(1).max(LONGEST_TAG)).max(1000).default([]).describe("Further tags"),
  columns: z.array(name).max(100).default([]).describe("Columns of an update, each the tag TABLE.COLUMN"),
});

const body = z.union([event, z.strictObject({ events: z.array(event).min(1).max(MOST_EVENTS) })]);

type DataChanged = z.output<typeof event>;

/** What an event makes invalid: whatever depends on the table, on one of the rows, or on one of the columns. */
export const tagsOfEvent = ({ table, ids, tags, columns }: DataChanged): readonly string[] => [
  `table:${table}`,
  ...ids.map((id) => `${table}:${id}`),
  ...columns.map((column) => `${table}.${column}`),
  ...tags,
];

/** The webhook by which applications tell that data has changed. It knows its callers by their signature. */
export function cacheEvents(control: Control, clock: Clock): readonly OpsCall[] {
  const done = new LRUCache<string, true>({ max: MOST_IDS });
  return [
    {
      method: "POST",
      path: "/ops/cache/events",
      access: "signed",
      summary:
        "Data has changed: purges what depends on it. Spillway-Signature: t=SECONDS,v1=HEX, " +
        "with HMAC-SHA-256 over SECONDS.BODY and cache.webhook.secret; at most five minutes old",
      body,
      signed: (field, raw) => {
        const secret = control.webhookSecret();
        return secret !== undefined && isSigned(field, secret, raw, clock.wall());
      },
      answers: {
        401: { description: "The signature is not right, or too old", contentType: "application/problem+json" },
        200: {
          description: "Purged, or known to be",
          contentType: "application/json",
          schema: z.object({
            purged: z.array(z.string()).describe("Tags, those of the cascade among them"),
            repeated: z.array(z.string()).describe("Ids of events that were done before"),
            matched: z.int(),
          }),
        },
      },
      async run({ body: given }) {
        const told = given as z.output<typeof body>;
        const events = "events" in told ? told.events : [told];
        const news = events.filter(({ id }) => !done.has(id));
        const repeated = events.filter(({ id }) => done.has(id)).map(({ id }) => id);
        if (news.length === 0) return { kind: "json", status: 200, body: { purged: [], repeated, matched: 0 } };
        const result = await purgeAll(control, orderOf(news));
        // An event counts as done when it is: if not, its sender's next try is to do it.
        if (result.kind !== "done") return { kind: "problem", status: 503, detail: "Not purged: try again" };
        for (const { id } of news) done.set(id, true);
        const answer = { purged: result.purged.tags, repeated, matched: result.matched };
        return { kind: "json", status: 200, body: answer, change: { before: undefined, after: answer } };
      },
    },
  ];
}

const orderOf = (events: readonly DataChanged[]): PurgeOrder => ({
  urls: [],
  tags: [...new Set(events.flatMap(tagsOfEvent))],
  prefixes: [],
  patterns: [],
  all: false,
  soft: false,
  cascade: true,
  dryRun: false,
  changed: true,
});
