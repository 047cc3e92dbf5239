import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { after, before, suite, test } from "node:test";
import * as fc from "fast-check";
import { postgresMissing, startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { redisMissing, startRedis, type RedisServer } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";
import { startFleet, type Fleet } from "./fleet-rig.ts";

const missing = redisMissing || postgresMissing;

interface Kind {
  readonly fields: Readonly<Record<string, string>>;
  /** Whom it is made for: everyone, one user, or who has sent one and the same X-User. */
  readonly made: "all" | "user" | "variant";
}

/** What answers say of themselves, by the first segment of the path. */
const ANSWERS: Readonly<Record<string, Kind>> = {
  open: { fields: { "Cache-Control": "max-age=60" }, made: "all" },
  public: { fields: { "Cache-Control": "public, max-age=60" }, made: "all" },
  brief: { fields: { "Cache-Control": "max-age=0, stale-while-revalidate=60" }, made: "all" },
  private: { fields: { "Cache-Control": "private, max-age=60" }, made: "user" },
  "two-lines": { fields: { "Cache-Control": "max-age=60,\t, PRIVATE" }, made: "user" },
  "no-store": { fields: { "Cache-Control": "public, no-store, max-age=60" }, made: "user" },
  cookie: { fields: { "Cache-Control": "public, max-age=60", "Set-Cookie": "id=1" }, made: "user" },
  star: { fields: { "Cache-Control": "public, max-age=60", Vary: "Accept, *" }, made: "user" },
  // Without a word for all, it is theirs who say who they are.
  account: { fields: { "Cache-Control": "max-age=60" }, made: "user" },
  varied: { fields: { "Cache-Control": "max-age=60", Vary: "X-User" }, made: "variant" },
};

const WAYS = ["none", "authorization", "cookie", "field"] as const;

interface Ask {
  readonly user: number;
  readonly way: (typeof WAYS)[number];
  readonly answer: string;
  readonly gateway: number;
  /** How the client asks: as anybody, for something newer, or for a part. */
  readonly wish: "" | "Cache-Control: no-cache" | "Range: bytes=0-200" | 'If-None-Match: "x"';
}

const fieldsOf = ({ user, way, wish }: Ask): string => {
  const who = {
    none: "",
    authorization: `Authorization: Bearer user-${user}\r\n`,
    cookie: `Cookie: session=user-${user}\r\n`,
    field: `X-User: user-${user}\r\n`,
  }[way];
  return wish === "" ? who : `${who}${wish}\r\n`;
};

const userIn = (text: unknown): string => /user-\d+/.exec(String(text))?.[0] ?? "nobody";

/** Puts the user it sees into every answer that is not for all. */
function answers(request: IncomingMessage, response: ServerResponse): void {
  const { fields, made } = ANSWERS[request.url!.split("/")[1]!]!;
  const { authorization, cookie } = request.headers;
  const texts = {
    all: "for everyone",
    user: `secret-of-${userIn(`${authorization} ${cookie}`)}.`,
    variant: `variant-of-${userIn(request.headers["x-user"])}.`,
  };
  setTimeout(() => {
    response.writeHead(200, fields);
    response.end(texts[made]);
  }, 2);
}

/** What an answer with a body is to this client: whatever is made for somebody is made for them. */
const expected = ({ user, way, answer }: Ask): string => {
  const own = `user-${user}`;
  if (ANSWERS[answer]!.made === "all") return "for everyone";
  if (ANSWERS[answer]!.made === "variant") return `variant-of-${way === "field" ? own : "nobody"}.`;
  return `secret-of-${way === "authorization" || way === "cookie" ? own : "nobody"}.`;
};

const arbitraryAsk: fc.Arbitrary<Ask> = fc.record({
  user: fc.integer({ min: 1, max: 4 }),
  way: fc.constantFrom(...WAYS),
  answer: fc.constantFrom(...Object.keys(ANSWERS)),
  gateway: fc.integer({ min: 0, max: 1 }),
  wish: fc.constantFrom("", "", "", "Cache-Control: no-cache", "Range: bytes=0-200", 'If-None-Match: "x"'),
});

/** Waves, one after the other; the requests of a wave are under way at once. */
const waves = fc.array(fc.array(arbitraryAsk, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 });

suite("two gateways with one Redis and one PostgreSQL", { skip: missing }, () => {
  let redis: RedisServer;
  let postgres: TestPostgres;
  before(async () => {
    [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  });
  after(() => Promise.all([redis?.[Symbol.asyncDispose](), postgres?.[Symbol.asyncDispose]()]));

  const start = (cache: object | string, table: string): Promise<Fleet> =>
    startFleet(2, { url: redis.url, prefix: table }, answers, {
      cache,
      config: { cache: { postgres: { url: postgres.url, table } } },
    });

  const CACHES: Readonly<Record<string, object | string>> = {
    "the origin's word": "origin",
    "a ttl and stale windows": { ttl: "1s", staleWhileRevalidate: "60s", staleIfError: "60s", failSafe: "1h" },
    "every field sent": { requestFields: "all" },
  };

  for (const [title, cache] of Object.entries(CACHES)) {
    test(`C1-C3, C10: whatever users ask for, in whatever order, nobody meets another's secret, and no store holds one (${title})`, async () => {
      const table = `private_${Object.keys(CACHES).indexOf(title)}`;
      await using fleet = await start(cache, table);
      let run = 0;
      await fc.assert(
        fc.asyncProperty(waves, async (asked) => {
          run++;
          for (const wave of asked) {
            const came = await Promise.all(
              wave.map((ask) => fleet.ask(ask.gateway, `/${ask.answer}/${run}`, fieldsOf(ask))),
            );
            for (const [index, { status, text }] of came.entries()) {
              const where = `${status} to ${JSON.stringify(wave[index])}`;
              assert.ok(status === 200 || status === 206, where);
              assert.equal(text, expected(wave[index]!), where);
            }
          }
        }),
        { numRuns: 15, interruptAfterTimeLimit: 3000 },
      );
      assert.ok(run >= 2, `${run} runs`);
      await until(async () => (await redis.cli("keys", `${table}:cache:*`)) !== "", { what: "something is kept" });
      await until(async () => (await postgres.query(`select 1 from ${table} limit 1`)).length > 0, {
        what: "something is kept in the table",
      });
      const kept = await octetsOf(redis, postgres, table);
      assert.ok(kept.includes("for everyone"), "what is for all is there");
      assert.doesNotMatch(kept, /secret-of-user-/);
    });
  }
});

/** All that both stores hold, as text. */
async function octetsOf(redis: RedisServer, postgres: TestPostgres, name: string): Promise<string> {
  const texts: string[] = [];
  for (const key of (await redis.cli("keys", `${name}:*`)).split("\n")) {
    const type = await redis.cli("type", key);
    if (type === "hash") texts.push(key, await redis.cli("--no-raw", "hgetall", key));
    else if (type === "string") texts.push(key, await redis.cli("--no-raw", "get", key));
  }
  for (const row of await postgres.query(`select * from ${name}`)) {
    for (const value of Object.values(row))
      texts.push(Buffer.isBuffer(value) ? value.toString("latin1") : String(value));
  }
  return texts.join("\n");
}
