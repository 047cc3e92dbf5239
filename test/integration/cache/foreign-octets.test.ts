import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { postgresMissing, startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { redisMissing, startRedis, type RedisServer } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";
import { sends, startRig, type Rig } from "./cache-rig.ts";

const missing = postgresMissing || redisMissing;
const SECRETS = ["a secret of the first deployment", "a secret of the second deployment"];
/** A busy machine is no reason for a miss. */
const PATIENT = { deadline: "400ms" };

interface Rejected {
  readonly tier: string;
  readonly reason: string;
}

suite("C14: what others put into a shared store", { skip: missing }, () => {
  let postgres: TestPostgres;
  let redis: RedisServer;
  before(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  });
  after(() => Promise.all([postgres?.[Symbol.asyncDispose](), redis?.[Symbol.asyncDispose]()]));

  const configOf = (tier: string, name: string, secret?: string): object => ({
    ...(tier === "redis" && { redis: { url: redis.url, prefix: name, ...PATIENT } }),
    cache: {
      ...(secret !== undefined && { secret }),
      ...(tier === "postgres" && { postgres: { url: postgres.url, table: name, ...PATIENT } }),
    },
  });

  /** Two gateways with memory and this tier, each before an origin of its own; `shared` gives a path that the first has kept there. */
  async function startTwo(tier: string, name: string, secrets: readonly (string | undefined)[]) {
    const rigs = await Promise.all(
      ["one", "two"].map((text, at) =>
        startRig({ ttl: "60s", staleIfError: "0s" }, sends(text), configOf(tier, name, secrets[at])),
      ),
    );
    const [one, two] = rigs as [Rig, Rig];
    const rejected: Rejected[] = [];
    two.gateway.gateway.bus.subscribe("spillway:cache-rejected", ({ tier: where, reason }) => {
      rejected.push({ tier: where, reason });
    });
    let paths = 0;
    const kept = async (): Promise<string> => {
      const before = await countOf(tier, name);
      return until(
        async () => {
          const path = `/${++paths}`;
          await one.ask(path);
          return (await countOf(tier, name)) > before ? path : undefined;
        },
        { what: "it is in the store" },
      );
    };
    return {
      one,
      two,
      rejected,
      kept,
      async [Symbol.asyncDispose]() {
        await Promise.all(rigs.map((rig) => rig[Symbol.asyncDispose]()));
      },
    };
  }

  async function countOf(tier: string, name: string): Promise<number> {
    if (tier === "redis") return (await recordsOf(name)).length;
    const rows = await postgres.query(`select count(*)::int as count from ${name}`).catch(() => []);
    return (rows[0]?.["count"] as number | undefined) ?? 0;
  }

  const recordsOf = async (name: string): Promise<string[]> =>
    (await redis.cli("keys", `${name}:cache:*`))
      .split("\n")
      .filter((key) => key !== "" && !key.endsWith(":generation"));

  /** One octet of each frame is another. */
  async function damage(tier: string, name: string): Promise<void> {
    if (tier === "postgres") {
      await postgres.query(`update ${name} set frame = set_byte(frame, 70, get_byte(frame, 70) # 1)`);
      return;
    }
    const flip = `for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
      if redis.call('TYPE', key).ok == 'hash' then
        local frame = redis.call('HGET', key, 'f')
        local octet = string.char(bit.bxor(string.byte(frame, 71), 1))
        redis.call('HSET', key, 'f', string.sub(frame, 1, 70) .. octet .. string.sub(frame, 72))
      end
    end`;
    await redis.cli("eval", flip, "0", `${name}:cache:*`);
  }

  for (const tier of ["redis", "postgres"]) {
    test(`${tier}: two deployments with different secrets never read each other's answers`, async () => {
      const name = `secrets_${tier}`;
      await using pair = await startTwo(tier, name, SECRETS);
      const path = await pair.kept();
      await until(
        async () => {
          assert.equal((await pair.two.ask(path)).text, "two");
          // Its own is in memory now; what it looks for next is in the store only.
          const other = await pair.kept();
          assert.equal((await pair.two.ask(other)).text, "two");
          return pair.rejected.length > 0;
        },
        { what: "it has looked into the store" },
      );
      assert.deepEqual(pair.rejected[0], { tier, reason: "seal" });
    });

    for (const secret of [undefined, SECRETS[0]]) {
      const how = secret === undefined ? "without" : "with";
      test(`${tier}: a damaged frame is a miss and is counted (${how} a secret)`, async () => {
        const name = `damaged_${tier}_${how}`;
        await using pair = await startTwo(tier, name, [secret, secret]);
        await until(async () => (await pair.two.ask(await pair.kept())).text === "one", { what: "both use the store" });
        const path = await pair.kept();
        await damage(tier, name);
        const calls = pair.two.calls();
        const asked = await pair.two.ask(path);
        assert.deepEqual([asked.status, asked.text], [200, "two"]);
        assert.match(asked.cache, /^spillway; fwd=miss/);
        assert.ok(pair.rejected.length > 0);
        for (const rejected of pair.rejected) assert.deepEqual(rejected, { tier, reason: "seal" });
        assert.equal((await pair.two.ask(path)).text, "two");
        assert.equal(pair.two.calls(), 1 + calls, "from its memory");
      });
    }
  }

  test("deployments with other prefixes or tables do not meet", async () => {
    await using one = await startTwo("redis", "apart_one", [undefined, undefined]);
    await using other = await startTwo("redis", "apart_two", [undefined, undefined]);
    await one.kept();
    await other.kept();
    const before = (await recordsOf("apart_one")).length;
    await one.one.ask("/mine");
    await until(async () => (await recordsOf("apart_one")).length > before, { what: "it is in the store" });
    other.one.behave(sends("of its own"));
    assert.equal((await other.one.ask("/mine")).text, "of its own");
    for (const record of await recordsOf("apart_two")) assert.match(record, /^apart_two:/);
    assert.equal(other.rejected.length, 0);
  });
});
