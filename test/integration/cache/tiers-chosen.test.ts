import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import * as fc from "fast-check";
import { postgresMissing, startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { redisMissing, startRedis, type RedisServer } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";
import { sends, startRig } from "./cache-rig.ts";

const missing = postgresMissing || redisMissing;

let postgres: TestPostgres;
let redis: RedisServer;
before(async () => {
  if (missing) return;
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
after(() => Promise.all([postgres?.[Symbol.asyncDispose](), redis?.[Symbol.asyncDispose]()]));

const NAMES = ["memory", "redis", "postgres"] as const;
type Name = (typeof NAMES)[number];

/** Milliseconds that are left in Redis and in the table of what is kept there; undefined where nothing is. */
async function leftIn(name: string): Promise<{ readonly [Tier in Name]?: number | undefined }> {
  const keys = (await redis.cli("keys", `${name}:cache:*`))
    .split("\n")
    .filter((key) => key !== "" && !key.endsWith(":generation"));
  const rows = await postgres
    .query(`select (extract(epoch from keep_until - now()) * 1000)::float8 as left from ${name}`)
    .catch(() => []);
  return {
    redis: keys.length > 0 ? Number(await redis.cli("pttl", keys[0]!)) : undefined,
    postgres: rows[0]?.["left"] as number | undefined,
  };
}

/** Milliseconds that an entry is of use: its lifetime, and ten times its longest window. */
const TTL = 60_000;

const lifetimes = fc
  .record(
    {
      memory: fc.integer({ min: 1, max: 90 }),
      redis: fc.integer({ min: 1, max: 90 }),
      postgres: fc.integer({ min: 1, max: 90 }),
    },
    { requiredKeys: [] },
  )
  .filter((given) => Object.keys(given).length > 0)
  .map((given) => Object.fromEntries(Object.entries(given).map(([name, seconds]) => [name, `${seconds}s`])));

const choice = fc.option(fc.oneof(fc.subarray([...NAMES], { minLength: 1 }), lifetimes), { nil: undefined });

let stores = 0;

suite("C09, C10, C44: where answers are kept, and for how long", { skip: missing }, () => {
  test("as the route says, else as its class says, else everywhere; nowhere longer than it says, nor than the answer lasts", async () => {
    await fc.assert(
      fc.asyncProperty(choice, choice, async (own, ofClass) => {
        const name = `chosen_${++stores}`;
        const chosen = own ?? ofClass ?? NAMES;
        const most = (tier: Name): number | undefined => {
          if (Array.isArray(chosen)) return chosen.includes(tier) ? TTL : undefined;
          const given = (chosen as Record<string, string>)[tier];
          return given === undefined ? undefined : Math.min(TTL, Number.parseInt(given) * 1000);
        };
        await using rig = await startRig(
          { ttl: "60s", class: "kind", ...(own && { tiers: own }) },
          sends("an answer"),
          {
            redis: { url: redis.url, prefix: name, deadline: "400ms" },
            cache: {
              postgres: { url: postgres.url, table: name, deadline: "400ms" },
              classes: { kind: { memory: "1MiB", ...(ofClass && { tiers: ofClass }) } },
            },
          },
        );
        const wanted = NAMES.filter((tier) => most(tier) !== undefined);
        let paths = 0;
        // Until all that are chosen have it: they connect by themselves.
        const left = await until(
          async () => {
            await rig.ask(`/${++paths}`);
            const found = await leftIn(name);
            return wanted.every((tier) => tier === "memory" || found[tier] !== undefined) ? found : undefined;
          },
          { what: () => `${wanted.join(", ")} have it` },
        );
        for (const tier of ["redis", "postgres"] as const) {
          const longest = most(tier);
          if (longest === undefined) assert.equal(left[tier], undefined, `${tier} was not chosen`);
          else
            assert.ok(left[tier]! <= longest && left[tier]! > longest - 10_000, `${tier}: ${left[tier]} of ${longest}`);
        }
        const read = await rig.gateway.gateway.cache.ask({ do: "read" });
        const held = read.did === "read" && read.reading.classes.find((kind) => kind.class === "kind");
        assert.equal(held && held.entries > 0, wanted.includes("memory"), "memory");
      }),
      { numRuns: 12, interruptAfterTimeLimit: 8000 },
    );
  });

  test("what comes from a farther tier lasts for what is left of it, in memory and in Redis (C02, C07)", async () => {
    const name = `left_${++stores}`;
    const config = { redis: { url: redis.url, prefix: name, deadline: "400ms" } };
    const fields = { "Cache-Control": "max-age=60, stale-if-error=0", Age: "50" };
    await using one = await startRig("origin", sends("an answer", fields), config);
    await using other = await startRig("origin", sends("another"), config);
    let path = "";
    const hit = await until(
      async () => {
        path += "/x";
        await one.ask(path);
        const answer = await other.ask(path);
        return answer.text === "an answer" ? answer : undefined;
      },
      { what: "the other one finds what one has kept" },
    );
    const { redis: before } = await leftIn(name);
    assert.ok(before! <= 10_000, `${before}`);
    assert.match(hit.cache, /^spillway; hit; ttl=\d$/);
    assert.match((await other.ask(path)).cache, /^spillway; hit; ttl=\d$/);
    assert.ok((await leftIn(name)).redis! <= before!, "and no look prolongs it");
  });
});

test("C09: of a class with soft purges, what is purged stands in for a dependency that is down; of another it is gone", async () => {
  const classes = { calm: { memory: "1MiB", purge: "soft" }, strict: { memory: "1MiB" } };
  const route = (kind: string): object => ({
    name: kind,
    match: { path: `/${kind}/*` },
    dependency: "origin",
    cache: { ttl: "60s", staleIfError: "60s", staleWhileRevalidate: "0s", class: kind, tags: ["all"] },
  });
  await using rig = await startRig(
    "origin",
    sends((_, call) => `${call}`),
  );
  await rig.gateway.apply({ target: rig.target, cache: { classes }, routes: [route("calm"), route("strict")] });
  await rig.ask("/calm/a");
  await rig.ask("/strict/a");
  const targets = { urls: [], tags: ["all"], prefixes: [], patterns: [], all: false };
  const order = { ...targets, soft: false, cascade: false, dryRun: false, changed: false };
  await rig.gateway.gateway.cache.ask({ do: "purge", order, share: true });
  assert.equal((await rig.ask("/calm/a")).text, "3", "with the dependency up, who asks after a purge gets what is new");
  await rig.gateway.gateway.cache.ask({ do: "purge", order, share: true });
  rig.behave((_request, response) => void response.writeHead(503).end("down"));
  const calm = await rig.ask("/calm/a");
  assert.deepEqual([calm.status, calm.text], [200, "3"]);
  assert.match(calm.cache, /^spillway; hit; ttl=-?[01]; detail=status-503$/);
  assert.equal((await rig.ask("/strict/a")).status, 503);
});

test("a ttl is as long as it says, though the origin's clock is behind or a cache behind it had the answer for longer", async () => {
  for (const fields of [{ Date: new Date(Date.now() - 120_000).toUTCString() }, { Age: "90" }]) {
    await using rig = await startRig({ ttl: "60s" }, sends("x", fields));
    await rig.ask();
    const { cache, raw } = await rig.ask();
    assert.match(cache, /^spillway; hit; ttl=(60|59|58)/);
    assert.ok(Number(raw.header("age")) >= 90, "and the age is told as it is");
  }
});

test("a class bounds how long its answers are fresh, whatever they say", async () => {
  const classes = { brief: { memory: "1MiB", ttl: { min: "1s", max: "5s" } } };
  await using rig = await startRig({ class: "brief" }, sends("x", { "Cache-Control": "max-age=3600" }), {
    cache: { classes },
  });
  await rig.ask();
  assert.match((await rig.ask()).cache, /^spillway; hit; ttl=[45]$/);
});
