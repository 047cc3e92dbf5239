import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, suite, test } from "node:test";
import { fairClock } from "../../support/fair-clock.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { redisMissing, startRedis, type RedisServer } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";
import { allServed, percentile, sends, startRig, type Answer, type Rig } from "./cache-rig.ts";

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
function startGateway({ inRedis, inPostgres, patient }: Stores, name: string, text = "an answer"): Promise<Rig> {
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
  const traffic = async (rig: Rig, count: number): Promise<number[]> => {
    const asked: Promise<Answer>[] = [];
    for (let i = 0; i < count; i++) {
      asked.push(rig.ask(`/${++paths}`));
      await sleep(15);
    }
    const answers = await Promise.all(asked);
    allServed(answers, "an answer");
    return answers.map(({ ms }) => ms);
  };
  const ways = {
    hung: [async () => [redis.pause(), postgres.pause()], async () => [redis.resume(), postgres.resume()]],
    killed: [
      () => Promise.all([redis.kill(), postgres.kill()]),
      () => Promise.all([redis.restart(), postgres.restart()]),
    ],
  } as const;
  for (const [way, [breakBoth, healBoth]] of Object.entries(ways)) {
    test(`${way}: 0 requests lost, none late, both in use again within 2 s`, async () => {
      const name = `both_${++tables}`;
      const stores = { inRedis: true, inPostgres: true };
      await using rig = await startGateway(stores, name);
      await inUse(rig, stores, name);
      const askedAt = fairClock.now();
      await inUse(rig, stores, name);
      const usual = fairClock.now() - askedAt;
      const healthy = percentile(await traffic(rig, 40), 0.95);
      await breakBoth();
      const times = await traffic(rig, 60);
      await healBoth();
      const healedAt = fairClock.now();
      await inUse(rig, stores, name);
      const back = fairClock.now() - healedAt;
      const troubled = percentile(times, 0.95);
      const figures = `healthy p95 ${healthy.toFixed(0)} ms, in trouble ${troubled.toFixed(0)} ms, back in ${back.toFixed(0)} ms`;
      // A deadline of 20 ms for each of the two, and as much again for busy cores.
      assert.ok(troubled <= healthy + 80, figures);
      assert.ok(Math.max(...times) <= 400, `slowest ${Math.max(...times)} ms`);
      // What it takes without any trouble is the machine's affair.
      assert.ok(back <= 2000 + 2 * usual, figures);
      if (process.env["FIGURES"]) console.log(figures);
    });
  }
});
