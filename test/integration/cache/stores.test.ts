import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { postgresMissing, startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { redisMissing, startRedis, type RedisServer } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";
import { sends, startRig, type Rig } from "./cache-rig.ts";
import { outlives, TEXT } from "./trouble-rig.ts";

const missing = postgresMissing || redisMissing;

let postgres: TestPostgres;
let redis: RedisServer;
before(async () => {
  if (missing) return;
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
after(() => Promise.all([postgres?.[Symbol.asyncDispose](), redis?.[Symbol.asyncDispose]()]));

let tables = 0;

interface Stores {
  readonly inRedis: boolean;
  readonly inPostgres: boolean;
  /** Whether a request waits for them as long as they can be told to. Default: as long as they do by default. */
  readonly patient?: true;
}

/** A busy machine is no reason for a miss. */
const PATIENT = { patient: true } as const;

/** A gateway with memory and these tiers behind it, before an origin of its own; those of the same `name` share them. */
function startGateway({ inRedis, inPostgres, patient }: Stores, name: string, text = TEXT): Promise<Rig> {
  const config = {
    ...(inRedis && { redis: { url: redis.url, prefix: name, ...(patient && { deadline: "400ms" }) } }),
    ...(inPostgres && { cache: { postgres: { url: postgres.url, table: name, ...(patient && { deadline: "5s" }) } } }),
  };
  return startRig({ ttl: "60s" }, sends(text), config);
}

const rowsOf = async (table: string): Promise<number> => {
  const [there] = await postgres.query("select to_regclass($1) is not null as it", [table]);
  if (!there!["it"]) return 0;
  return (await postgres.query(`select count(*)::int as rows from ${table}`))[0]!["rows"] as number;
};

const keysOf = async (prefix: string): Promise<number> =>
  (await redis.cli("keys", `${prefix}:cache:*`)).split("\n").filter((line) => line !== "").length;

/** Resolves to a path whose answer is in every tier: all of them are connected. */
async function inUse(rig: Rig, { inRedis, inPostgres }: Stores, name: string): Promise<string> {
  const [keys, rows] = [await keysOf(name), await rowsOf(name)];
  return until(
    async () => {
      const path = `/${++paths}`;
      await rig.ask(path);
      const written = async (): Promise<boolean> =>
        (!inRedis || (await keysOf(name)) > keys) && (!inPostgres || (await rowsOf(name)) > rows);
      return (await written()) ? path : undefined;
    },
    { what: "an answer is in every tier", timeoutMs: 30_000 },
  );
}

let paths = 0;

suite("memory with and without the tiers behind it", { skip: missing }, () => {
  for (const inRedis of [false, true]) {
    for (const inPostgres of [false, true]) {
      const title = `memory${inRedis ? ", Redis" : ""}${inPostgres ? ", PostgreSQL" : ""}`;
      test(`${title}: a miss, a hit, a hit in a second gateway where a tier is shared, nothing after a change`, async () => {
        const name = `smoke_${++tables}`;
        const stores = { inRedis, inPostgres, ...PATIENT };
        await using one = await startGateway(stores, name);
        await using other = await startGateway(stores, name, "another answer");
        const path = await inUse(one, stores, name);
        const hit = await one.ask(path);
        assert.equal(hit.text, "an answer");
        assert.match(hit.cache, /^spillway; hit/);
        await inUse(other, stores, name);
        assert.equal((await other.ask(path)).text, inRedis || inPostgres ? "an answer" : "another answer");
        assert.equal((await keysOf(name)) > 0, inRedis);
        assert.equal((await rowsOf(name)) > 0, inPostgres);
        await one.ask(path, "Content-Length: 0\r\n", "POST");
        const calls = one.calls();
        assert.equal((await one.ask(path)).text, "an answer");
        assert.equal(one.calls(), calls + 1, "a change took it away");
      });
    }
  }

  test("what is only in PostgreSQL any more is found there by a gateway that has just started", async () => {
    const stores = { inRedis: true, inPostgres: true, ...PATIENT };
    const name = `cold_${++tables}`;
    await using one = await startGateway(stores, name);
    const path = await inUse(one, stores, name);
    await using other = await startGateway(stores, name, "another answer");
    await inUse(other, stores, name);
    await redis.cli("flushall");
    const found = await other.ask(path);
    assert.equal(found.text, "an answer");
    assert.match(found.cache, /^spillway; hit/);
    await until(async () => (await keysOf(name)) > 0, { what: "it is in Redis again" });
  });
});

suite("both stores dead at once (F3)", { skip: missing }, () => {
  const ways: Readonly<Record<string, readonly [begin: () => unknown, end: () => unknown]>> = {
    hung: [() => [redis.pause(), postgres.pause()], () => [redis.resume(), postgres.resume()]],
    killed: [
      () => Promise.all([redis.kill(), postgres.kill()]),
      () => Promise.all([redis.restart(), postgres.restart()]),
    ],
  };
  for (const [way, [begin, end]] of Object.entries(ways)) {
    test(`${way}: 0 requests lost, none late, both in use again within a second`, async (t) => {
      const [name, well] = [`both_${++tables}`, `well_${tables}`];
      const stores = { inRedis: true, inPostgres: true };
      await using stack = new AsyncDisposableStack();
      const [wellPostgres, wellRedis] = await Promise.all([startPostgres(), startRedis()]);
      stack.use(wellPostgres);
      stack.use(wellRedis);
      const subject = stack.use(await startGateway(stores, name));
      const control = stack.use(
        await startRig({ ttl: "60s" }, sends(TEXT), {
          redis: { url: wellRedis.url },
          cache: { postgres: { url: wellPostgres.url, table: well } },
        }),
      );
      // What both have more than they had then.
      const began = { keys: await keysOf(name), rows: await rowsOf(name) };
      const stored = async (): Promise<number> =>
        Math.min((await keysOf(name)) - began.keys, (await rowsOf(name)) - began.rows);
      await outlives(
        t,
        `both ${way}`,
        { subject, control, stored },
        {
          begin,
          async end() {
            await end();
            Object.assign(began, { keys: await keysOf(name), rows: await rowsOf(name) });
          },
        },
      );
    });
  }
});
