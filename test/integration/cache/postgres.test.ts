import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import * as fc from "fast-check";
import { Client } from "pg";
import { createPostgresTier } from "../../../src/cache/tiers/postgres.ts";
import { postgresSettings } from "../../../src/cache/postgres/settings.ts";
import { createFrameCodec } from "../../../src/cache/tiers/seal.ts";
import { MOST_VARIANTS, type Tier } from "../../../src/cache/tiers/tier.ts";
import { systemClock, type Clock } from "../../../src/core/clock.ts";
import { arbitraryEntry } from "../../support/arbitrary-entry.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { entryOf, tierSuite } from "../../support/tier-suite.ts";
import { until } from "../../support/wait.ts";
import { answering } from "./answering.ts";

const codec = createFrameCodec({ secrets: [], rejected() {} });
const any = (): string => "";

let server: TestPostgres;
let tables = 0;
before(async () => {
  if (!postgresMissing) server = await startPostgres();
});
after(() => server?.[Symbol.asyncDispose]());

const newTable = (): string => `kept_${++tables}`;

type OpenTier = Tier & AsyncDisposable & { readonly table: string };

async function open(
  more: { table?: string; schema?: string; maxBytes?: string; clock?: Clock } = {},
): Promise<OpenTier> {
  const { table = newTable(), clock = systemClock, ...rest } = more;
  const settings = postgresSettings.parse({ url: server.url, table, deadline: "2s", ...rest });
  const tier = createPostgresTier(settings, { clock, random: () => 0.5, codec });
  await answering(tier);
  return Object.assign(tier, { table, [Symbol.asyncDispose]: async () => tier.close() });
}

const rowsOf = async (table: string): Promise<number> => {
  const [row] = await server.query(`select count(*)::int as rows from ${table}`);
  return row!["rows"] as number;
};

const sized = new WeakMap<Tier, { readonly table: string; readonly bytes: number }>();

tierSuite(
  "postgres",
  async (bytes) => {
    const table = newTable();
    const settings = { ...postgresSettings.parse({ url: server.url, table, deadline: "2s" }), maxBytes: bytes };
    const tier = createPostgresTier(settings, { clock: systemClock, random: () => 0.5, codec });
    sized.set(tier, { table, bytes });
    await answering(tier);
    return tier;
  },
  {
    skip: postgresMissing,
    async settled(tier) {
      const { table, bytes } = sized.get(tier)!;
      await until(
        async () => {
          const [row] = await server.query(`select coalesce(sum(size), 0)::int as total from ${table}`);
          return (row!["total"] as number) <= bytes;
        },
        { what: "room was made" },
      );
    },
  },
);

suite("entries in a table", { skip: postgresMissing }, () => {
  test("come back octet for octet, whatever they hold", async () => {
    await using tier = await open();
    let key = 0;
    await fc.assert(
      fc.asyncProperty(arbitraryEntry(8192), async (made) => {
        const entry = { ...made, keepUntil: Number.POSITIVE_INFINITY };
        const under = `k${key++}`;
        await tier.set(under, entry);
        const found = await tier.get(under, (vary) => (vary === entry.vary ? entry.variant : undefined));
        assert.deepEqual(found, entry);
      }),
      { numRuns: 100 },
    );
  });

  test("come back octet for octet with a body of 1 MiB and a key of 20,000 characters", async () => {
    await using tier = await open();
    const body = Buffer.alloc(1024 * 1024, 0).map((_, index) => (index * 7919) >> 3);
    const key = `é${"k".repeat(20_000)}`;
    const entry = { ...entryOf(""), body: Buffer.from(body), vary: "accept", variant: "v".repeat(50_000) };
    await tier.set(key, entry);
    assert.deepEqual(await tier.get(key, () => entry.variant), entry);
    assert.equal(await tier.get(`${key}k`, () => entry.variant), undefined);
    await tier.delete(key);
    assert.equal(await tier.get(key, () => entry.variant), undefined);
  });

  test("of two writers the higher fence stays, in whatever order they arrive", async () => {
    const table = newTable();
    await using one = await open({ table });
    await using other = await open({ table });
    let key = 0;
    const fences = fc.array(fc.nat({ max: 50 }), { minLength: 2, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fences, async (order) => {
        const under = `k${key++}`;
        const writes = order.map(async (fence, index) =>
          (index % 2 === 0 ? one : other).set(under, { ...entryOf(`${fence}`), fence }),
        );
        await Promise.all(writes);
        const found = await one.get(under, any);
        assert.equal(found!.fence, Math.max(...order));
        assert.equal(String(found!.body), `${found!.fence}`);
      }),
      { numRuns: 40 },
    );
  });

  test("are found until keepUntil by the clock that was given, and not from then on", async () => {
    const clock = new ManualClock({ wall: Date.now() });
    await using tier = await open({ clock });
    const keepUntil = clock.wall() + 60_000;
    await tier.set("a", { ...entryOf("1"), keepUntil });
    clock.setWall(keepUntil - 1);
    assert.equal((await tier.get("a", any))?.keepUntil, keepUntil, "reading does not restart it");
    clock.setWall(keepUntil);
    assert.equal(await tier.get("a", any), undefined);
    await tier.set("a", { ...entryOf("late"), keepUntil });
    clock.setWall(keepUntil - 1);
    assert.equal(await tier.get("a", any), undefined, "an entry of no use is not kept");
  });

  test("an expired one does not keep a lower fence out", async () => {
    const clock = new ManualClock({ wall: Date.now() });
    await using tier = await open({ clock });
    await tier.set("a", { ...entryOf("1"), fence: 9, keepUntil: clock.wall() + 1000 });
    clock.setWall(clock.wall() + 1000);
    await tier.set("a", { ...entryOf("2"), fence: 3, keepUntil: clock.wall() + 1000 });
    assert.equal(String((await tier.get("a", any))?.body), "2");
  });

  test(`of one key there are ${MOST_VARIANTS} rows at most`, async () => {
    await using tier = await open();
    for (let i = 0; i < MOST_VARIANTS + 20; i++) {
      await tier.set("a", entryOf(`${i}`, { vary: i % 2 === 0 ? "accept" : "x-class", variant: `v${i}` }));
    }
    assert.equal(await rowsOf(tier.table), MOST_VARIANTS);
  });

  test("a row that was copied to another key or variant is none", async () => {
    await using tier = await open();
    await tier.set("a", entryOf("1", { vary: "accept", variant: "text" }));
    await tier.set("a", entryOf("2", { vary: "accept", variant: "json" }));
    await server.query(
      `update ${tier.table} t set frame = (select frame from ${tier.table} o where o.digest <> t.digest)`,
    );
    assert.equal(await tier.get("a", () => "text"), undefined);
    await tier.set("a", entryOf("plain"));
    await server.query(`update ${tier.table} set key = 'b'`);
    assert.equal(await tier.get("b", any), undefined);
  });
});

suite("the table", { skip: postgresMissing }, () => {
  test("is made once by four instances that start together, in a schema that is made too, unlogged", async () => {
    const facts = { table: newTable(), schema: "kept_answers" };
    const tiers = await Promise.all(Array.from({ length: 4 }, () => open(facts)));
    await using stack = new AsyncDisposableStack();
    for (const tier of tiers) stack.use(tier);
    await Promise.all(tiers.map(async (tier, index) => tier.set(`k${index}`, entryOf(`${index}`))));
    for (let i = 0; i < 4; i++) assert.equal(String((await tiers[3 - i]!.get(`k${i}`, any))?.body), `${i}`);
    const [row] = await server.query("select relpersistence, reloptions from pg_class where relname = $1", [
      facts.table,
    ]);
    assert.equal(row!["relpersistence"], "u");
  });

  test("is made again when it was dropped, without a failure", async () => {
    await using tier = await open();
    await tier.set("a", entryOf("1"));
    await server.query(`drop table ${tier.table}`);
    assert.equal(await tier.get("a", any), undefined);
    await tier.set("a", entryOf("2"));
    assert.equal(String((await tier.get("a", any))?.body), "2");
    await server.query(`drop table ${tier.table}`);
    await tier.set("a", entryOf("3"));
    assert.equal(String((await tier.get("a", any))?.body), "3");
  });

  test("can have a name that has to be quoted", async () => {
    await using tier = await open({ table: "Select" });
    await tier.set("a", entryOf("1"));
    assert.equal(String((await tier.get("a", any))?.body), "1");
  });
});

suite("the upkeep of the table", { skip: postgresMissing }, () => {
  const fill = (table: string, rows: number): Promise<unknown> =>
    server.query(
      `insert into ${table} select convert_to(i::text, 'UTF8'), '\\x00', '', 0, now() - interval '1 second', now(), 1000,
       decode(repeat('00', 1000), 'hex') from generate_series(1, ${rows}) i`,
    );

  test("takes expired rows away and no others", async () => {
    const clock = new ManualClock({ wall: Date.now() });
    await using tier = await open({ clock });
    await tier.set("kept", entryOf("1"));
    await fill(tier.table, 1200);
    await until(
      async () => {
        clock.advance(5000);
        return (await rowsOf(tier.table)) === 1;
      },
      { what: "1200 expired rows are gone" },
    );
    assert.equal(String((await tier.get("kept", any))?.body), "1");
  });

  test("is left alone while another instance is at it", async () => {
    const clock = new ManualClock({ wall: Date.now() });
    const table = newTable();
    await using tier = await open({ clock, table });
    await tier.set("kept", entryOf("1"));
    await fill(table, 10);
    const name = `spillway upkeep "${table}"`;
    const lock = `hashtextextended('${name}', 0)`;
    const other = new Client({ connectionString: server.url });
    await other.connect();
    try {
      await other.query(`begin; select pg_advisory_xact_lock(${lock})`);
      clock.advance(5000);
      const end = performance.now() + 400;
      for (let counts = 0; counts < 5 || performance.now() < end; counts++) assert.equal(await rowsOf(table), 11);
    } finally {
      await other.end();
    }
    clock.advance(5000);
    await until(async () => (await rowsOf(table)) === 1, { what: "the next run takes them away" });
  });

  test("of 25,000 expired rows one run takes 20,000 away, the next one the rest", async () => {
    const clock = new ManualClock({ wall: Date.now() });
    await using tier = await open({ clock });
    await tier.set("kept", entryOf("1"));
    await fill(tier.table, 25_000);
    clock.advance(5000);
    await until(async () => (await rowsOf(tier.table)) <= 5001, { what: "the first run is over", timeoutMs: 30_000 });
    assert.equal(await rowsOf(tier.table), 5001);
    clock.advance(5000);
    await until(async () => (await rowsOf(tier.table)) === 1, { what: "the second run is over", timeoutMs: 30_000 });
  });

  test("keeps 1 MiB when 20 MiB are written, and the last used stay", async () => {
    await using tier = await open({ maxBytes: "1MiB" });
    const body = "x".repeat(50_000);
    for (let i = 0; i < 400; i++) {
      await tier.set(`k${i}`, entryOf(body));
      if (i % 5 === 0) assert.ok(await tier.get("k0", any), "k0 is used again and again");
    }
    const total = async (): Promise<number> => {
      const [row] = await server.query(`select coalesce(sum(size), 0)::int as total from ${tier.table}`);
      return row!["total"] as number;
    };
    await until(async () => (await total()) <= 1024 * 1024, { what: "room was made", timeoutMs: 30_000 });
    assert.ok(await tier.get("k399", any), "the last one");
  });
});
