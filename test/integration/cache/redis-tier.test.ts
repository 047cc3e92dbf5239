import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import * as fc from "fast-check";
import { createRedisTier } from "../../../src/cache/tiers/redis.ts";
import { createFrameCodec } from "../../../src/cache/tiers/seal.ts";
import type { Tier } from "../../../src/cache/tiers/tier.ts";
import { systemClock, type Clock } from "../../../src/core/clock.ts";
import { arbitraryEntry } from "../../support/arbitrary-entry.ts";
import { linkTo, linkUp, type Linked } from "../../support/redis-link.ts";
import { redisMissing, startRedis, startRedisCluster, type RedisServer } from "../../support/redis.ts";
import { entryOf, tierSuite } from "../../support/tier-suite.ts";
import { until } from "../../support/wait.ts";

const any = (): string => "";
const codec = createFrameCodec({ secrets: ["0123456789abcdef"], rejected() {} });

let server: RedisServer;
let linked: Linked;
let prefixes = 0;
before(async () => {
  if (redisMissing) return;
  server = await startRedis();
  linked = linkTo({ url: server.url }, 1000);
  await linkUp(linked.link);
});
after(async () => {
  await linked?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

type OpenTier = Tier & { readonly prefix: string };

function open(more: { prefix?: string; clock?: Clock; longest?: number; through?: Linked } = {}): OpenTier {
  const { prefix = `t${++prefixes}`, clock = systemClock, longest = 1024 * 1024, through = linked } = more;
  // The link is that of all tests: closing a tier must not close it.
  const shared = { ...linkOf(through), close: async () => {} };
  const parts = { clock, codec, reading: shared, writing: shared, prefix, longest };
  let made = 0;
  return Object.assign(createRedisTier({ ...parts, unique: () => `${process.pid}-${prefixes}-${made++}` }), { prefix });
}

const linkOf = ({ link }: Linked) => ({
  state: () => link.state(),
  onState: link.onState.bind(link),
  call: link.call.bind(link),
  batch: link.batch.bind(link),
  script: link.script.bind(link),
  subscribe: link.subscribe.bind(link),
});

const keysOf = async (prefix: string): Promise<string[]> =>
  (await server.cli("keys", `${prefix}:*`)).split("\n").filter((key) => key !== "" && !key.endsWith(":generation"));

/** Commands that Redis has run, scripts and what they call left out. */
const roundTrips = async (): Promise<number> => {
  const stats = await server.cli("info", "commandstats");
  return ["evalsha", "eval", "get"].reduce(
    (sum, name) => sum + Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0),
    0,
  );
};

tierSuite("redis", () => open(), { skip: redisMissing, bound: "server" });

suite("entries in Redis", { skip: redisMissing }, () => {
  test("come back octet for octet in another instance, whatever they hold", async () => {
    const one = open();
    const two = open({ prefix: one.prefix });
    let key = 0;
    await fc.assert(
      fc.asyncProperty(arbitraryEntry(8192), async (made) => {
        const entry = { ...made, keepUntil: Number.POSITIVE_INFINITY };
        const under = `k${key++}`;
        await one.set(under, entry);
        assert.deepEqual(await two.get(under, (vary) => (vary === entry.vary ? entry.variant : undefined)), entry);
      }),
      { numRuns: 100 },
    );
  });

  test("cost one round trip without Vary, and two with it", async () => {
    const tier = open();
    await tier.set("plain", entryOf("plain"));
    await tier.set("varied", entryOf("varied", { vary: "accept", variant: "json" }));
    await tier.get("plain", any);
    const start = await roundTrips();
    assert.equal(String((await tier.get("plain", any))!.body), "plain");
    assert.equal((await roundTrips()) - start, 1);
    assert.ok(await tier.get("varied", () => "json"));
    assert.equal((await roundTrips()) - start, 3);
    assert.equal(await tier.get("none", any), undefined);
    assert.equal((await roundTrips()) - start, 4);
  });

  test("live as long as they are of use, and no write in another's name prolongs that", async () => {
    const tier = open();
    const now = Date.now();
    await tier.set("a", { ...entryOf("a"), keepUntil: now + 60_000 });
    const [key] = await keysOf(tier.prefix);
    const expires = async (): Promise<number> => Number(await server.cli("pexpiretime", key!));
    assert.equal(await expires(), now + 60_000);
    await tier.get("a", any);
    assert.equal(await expires(), now + 60_000);
    await tier.set("a", { ...entryOf("b", { vary: "x", variant: "1" }), keepUntil: now + 30_000 });
    assert.equal(await expires(), now + 60_000, "the longest of its variants");
    await tier.set("a", { ...entryOf("c"), keepUntil: now + 10_000.5 });
    assert.equal(await expires(), now + 30_000);
    await tier.set("gone", { ...entryOf("gone"), keepUntil: now - 1 });
    assert.equal(await tier.get("gone", any), undefined);
  });

  test("whatever the order in which two instances write, the highest fence stays", async () => {
    const writers = [open()] as OpenTier[];
    writers.push(open({ prefix: writers[0]!.prefix }));
    let key = 0;
    const write = fc.record({
      writer: fc.constantFrom(0, 1),
      fence: fc.integer({ min: 0, max: 1_800_000_000_000_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 12 }), fc.boolean(), async (writes, atOnce) => {
        const under = `k${key++}`;
        const put = async ({ writer, fence }: (typeof writes)[number]) =>
          writers[writer]!.set(under, { ...entryOf(`${fence}`), fence });
        if (atOnce) await Promise.all(writes.map(put));
        else for (const one of writes) await put(one);
        const highest = Math.max(...writes.map(({ fence }) => fence));
        assert.equal(String((await writers[0]!.get(under, any))!.body), `${highest}`);
      }),
      { numRuns: 100 },
    );
  });

  test("an expired one of a higher fence keeps nobody out", async () => {
    const tier = open();
    await tier.set("a", { ...entryOf("a"), fence: 9, keepUntil: Date.now() + 40 });
    await tier.set("a", { ...entryOf("x", { vary: "x", variant: "1" }), fence: 1 });
    await until(async () => (await tier.get("a", any)) === undefined, { what: "it is of no use any more" });
    await tier.set("a", { ...entryOf("b"), fence: 2 });
    assert.equal(String((await tier.get("a", any))!.body), "b");
  });

  test("clear is heard by other instances within two seconds, and what was cleared is never found again", async () => {
    let skipped = 0;
    const ahead: Clock = { ...systemClock, now: () => systemClock.now() + skipped };
    const one = open();
    const two = open({ prefix: one.prefix, clock: ahead });
    await one.set("a", entryOf("a"));
    assert.ok(await two.get("a", any));
    await one.clear();
    assert.equal(await one.get("a", any), undefined);
    skipped = 2001;
    await until(async () => (await two.get("a", any)) === undefined, { what: "the other one has heard" });
    await server.cli("del", `${one.prefix}:cache:generation`);
    const three = open({ prefix: one.prefix });
    assert.equal(await three.get("a", any), undefined, "a generation that is lost is not the first one again");
  });

  test("what is longer than a frame may be is neither written nor read", async () => {
    const tier = open({ longest: 2000 });
    const lenient = open({ prefix: tier.prefix });
    await tier.set("a", entryOf("small"));
    await tier.set("a", entryOf("x".repeat(3000)));
    assert.equal(await lenient.get("a", any), undefined, "and takes away what it would have replaced");
    await lenient.set("a", entryOf("x".repeat(3000)));
    assert.ok(await lenient.get("a", any));
    assert.equal(await tier.get("a", any), undefined);
  });

  test("whatever somebody else writes under our keys is a miss, and the next write mends it", async () => {
    const tier = open();
    await tier.set("a", entryOf("a"));
    const [key] = await keysOf(tier.prefix);
    const spoil: readonly (readonly string[])[] = [
      ["set", key!, "text"],
      ["hset", key!, "i", "{"],
      ["hset", key!, "i", "[1,[2],[null,3],{}]"],
      ["hset", key!, "i", '"text"'],
      ["hset", key!, "i", '[["","","x","y"]]', "f", "nonsense"],
      ["hset", key!, "f", "SW"],
      ["hset", key!, "i", "x".repeat(70_000)],
    ];
    for (const command of spoil) {
      await server.cli("del", key!);
      await tier.set("a", entryOf("a"));
      if (command[0] === "set") await server.cli("del", key!);
      await server.cli(...command);
      const found = await (async () => tier.get("a", any))().catch((error: Error) => error);
      if (found !== undefined) assert.match(found instanceof Error ? found.message : "an entry", /WRONGTYPE/);
      await tier.set("a", entryOf("mended"));
      assert.equal(String((await tier.get("a", any))!.body), "mended", command.join(" "));
    }
  });

  test("an entry that was copied to another key or id is not found there", async () => {
    const tier = open();
    await tier.set("a", entryOf("a"));
    const [a] = await keysOf(tier.prefix);
    await tier.set("b", entryOf("b"));
    const b = (await keysOf(tier.prefix)).find((key) => key !== a)!;
    await server.cli("copy", a!, b, "replace");
    assert.equal(await tier.get("b", any), undefined);
  });
});

test("in a cluster of three masters each record is one call to one node", { skip: redisMissing }, async () => {
  await using cluster = await startRedisCluster();
  await using through = linkTo({ cluster: cluster.urls }, 1000);
  await linkUp(through.link);
  const tier = open({ through });
  const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
  await Promise.all(keys.map(async (key) => tier.set(key, entryOf(key, { vary: "x", variant: "1" }))));
  for (const key of keys) assert.equal(String((await tier.get(key, () => "1"))?.body), key);
  const sizes = await Promise.all(cluster.masters.map(async ({ cli }) => Number(await cli("dbsize"))));
  assert.equal(
    sizes.reduce((sum, size) => sum + size),
    31,
  );
  assert.ok(
    sizes.every((size) => size > 0),
    sizes.join(" "),
  );
  await tier.clear();
  for (const key of keys) assert.equal(await tier.get(key, () => "1"), undefined);
  await tier.close();
});
