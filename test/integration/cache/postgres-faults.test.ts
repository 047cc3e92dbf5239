import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, suite, test, type TestContext } from "node:test";
import { postgresSettings } from "../../../src/cache/postgres/settings.ts";
import { createPostgresTier } from "../../../src/cache/tiers/postgres.ts";
import { createFrameCodec } from "../../../src/cache/tiers/seal.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { stopwatch, type Took } from "../../support/fair-clock.ts";
import { startFaultProxy, type Fault } from "../../support/fault-proxy.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { errorResponse, startStandIn } from "../../support/stand-in.ts";
import { entryOf } from "../../support/tier-suite.ts";
import { until } from "../../support/wait.ts";
import { answering } from "./answering.ts";
import { sends, startRig, type Rig } from "./cache-rig.ts";
import { outlives, TEXT, type Trouble } from "./trouble-rig.ts";

let server: TestPostgres;
/** Nothing happens to it. */
let well: TestPostgres;
let tables = 0;
before(async () => {
  if (postgresMissing) return;
  [server, well] = await Promise.all([startPostgres(), startPostgres()]);
  for (const { query } of [server, well]) await query("create role guest login; grant all on schema public to guest");
});
after(() => Promise.all([server?.[Symbol.asyncDispose](), well?.[Symbol.asyncDispose]()]));

interface Scene extends AsyncDisposable {
  readonly rig: Rig;
  readonly table: string;
}

/** A gateway with a table behind its memory, reached over `port` by a role that has no privileges. */
async function startScene(port = server.port): Promise<Scene> {
  const table = `faults_${++tables}`;
  const url = `postgres://guest@127.0.0.1:${port}/postgres`;
  const cache = { postgres: { url, table } };
  const rig = await startRig({ ttl: "60s" }, sends(TEXT), { cache });
  return { rig, table, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
}

const rowsOf = async (table: string): Promise<number> => {
  const [there] = await server.query("select to_regclass($1) is not null as it", [table]);
  if (!there!["it"]) return 0;
  const [row] = await server.query(`select count(*)::int as rows from ${table}`);
  return row!["rows"] as number;
};

/** A gateway whose table gets into trouble, beside one whose table does not: that one has a server of its own. */
async function survives(
  t: TestContext,
  scene: Scene,
  begin: () => unknown,
  end: () => unknown,
  how: Omit<Trouble, "begin" | "end"> = {},
): Promise<void> {
  await using control = await startScene(well.port);
  const pair = { subject: scene.rig, control: control.rig, stored: () => rowsOf(scene.table) };
  await outlives(t, t.name, pair, { begin, end, ...how });
}

const cutAll = (): Promise<unknown> =>
  server.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'spillway-cache'");

/** Each look into the table runs this first. */
async function lookThrough(table: string, statement: string): Promise<() => Promise<unknown>> {
  await server.query(`
    alter table ${table} rename to ${table}_real;
    create function ${table}_do() returns boolean language plpgsql volatile as 'begin ${statement}; return true; end';
    create view ${table} as select * from ${table}_real where ${table}_do();
    grant all on ${table}, ${table}_real to guest`);
  return () => server.query(`drop view ${table}; alter table ${table}_real rename to ${table}`);
}

suite("a route's answers while PostgreSQL", { skip: postgresMissing }, () => {
  const faults: readonly Fault[] = [
    { kind: "refuse" },
    { kind: "reset" },
    { kind: "half-close" },
    { kind: "black-hole" },
    { kind: "latency", ms: 100 },
    { kind: "latency", ms: 2000 },
    { kind: "bandwidth", bytesPerSecond: 20 },
  ];
  for (const fault of faults) {
    test(`is behind a network that does this: ${JSON.stringify(fault)}`, async (t) => {
      await using proxy = await startFaultProxy(server.port);
      await using scene = await startScene(proxy.port);
      const breakIt = async (): Promise<void> => {
        await proxy.set(fault);
        if (fault.kind === "refuse") await cutAll();
      };
      await survives(t, scene, breakIt, () => proxy.set({ kind: "none" }));
    });
  }

  test("hangs", async (t) => {
    await using scene = await startScene();
    await survives(
      t,
      scene,
      () => server.pause(),
      () => server.resume(),
    );
  });

  test("is killed and starts again", async (t) => {
    await using scene = await startScene();
    await survives(
      t,
      scene,
      () => server.kill(),
      () => server.restart(),
    );
  });

  test("ends connections again and again (57P01)", async (t) => {
    await using scene = await startScene();
    let again: NodeJS.Timeout | undefined;
    const breakIt = (): void => void (again = setInterval(() => void cutAll(), 50));
    try {
      await survives(t, scene, breakIt, () => clearInterval(again));
    } finally {
      clearInterval(again);
    }
  });

  test("sends what is no PostgreSQL", async (t) => {
    await using standIn = await startStandIn(server.port);
    await using scene = await startScene(standIn.port);
    const octets = [
      randomBytes(64),
      Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"),
      // Well framed, and each without what it should hold: DataRow, RowDescription, Authentication, ErrorResponse, none.
      ...["D", "T", "R", "E", "S", "A", "N", "C", "Z", "K", "G", "?"].map((kind) =>
        Buffer.concat([Buffer.from(kind), Buffer.from([0, 0, 0, 5, 255])]),
      ),
      Buffer.from([0x44, 0xff, 0xff, 0xff, 0xff]),
      Buffer.from([0x44, 0, 0, 0, 0]),
    ];
    for (const sent of octets) {
      const [begin, end] = [() => standIn.answer(sent), () => standIn.answer(undefined)];
      await survives(t, scene, begin, end, { waves: 25, lasts: 0 });
    }
  });

  const sorry = [
    ["53300", "sorry, too many clients already"],
    ["57P03", "the database system is starting up"],
    ["53200", "out of memory"],
    ["28P01", "password authentication failed"],
  ] as const;
  for (const [code, message] of sorry) {
    test(`lets nobody in (${code}, ${message})`, async (t) => {
      await using standIn = await startStandIn(server.port);
      await using scene = await startScene(standIn.port);
      const octets = errorResponse(code, message);
      await survives(
        t,
        scene,
        () => standIn.answer(octets),
        () => standIn.answer(undefined),
      );
    });
  }

  test("has no connection left for us (53300)", async (t) => {
    await using scene = await startScene();
    const limit = async (connections: number): Promise<void> => {
      await server.query(`alter role guest connection limit ${connections}`);
      if (connections === 0) await cutAll();
    };
    await survives(
      t,
      scene,
      () => limit(0),
      () => limit(-1),
    );
  });

  test("has become read-only (25006)", async (t) => {
    await using scene = await startScene();
    const readOnly = async (word: string): Promise<void> => {
      await server.query(`alter role guest set default_transaction_read_only = ${word}`);
      await cutAll();
    };
    await survives(
      t,
      scene,
      () => readOnly("on"),
      () => readOnly("off"),
    );
  });

  for (const code of ["53100", "53200", "XX000"]) {
    test(`cannot do what it is asked (${code})`, async (t) => {
      await using scene = await startScene();
      let heal = async (): Promise<unknown> => undefined;
      const breakIt = async (): Promise<void> => {
        heal = await lookThrough(scene.table, `raise exception using errcode = ''${code}''`);
      };
      await survives(t, scene, breakIt, () => heal());
    });
  }

  test("takes long over each look (57014)", async (t) => {
    await using scene = await startScene();
    let heal = async (): Promise<unknown> => undefined;
    const breakIt = async (): Promise<void> => {
      heal = await lookThrough(scene.table, "perform pg_sleep(10)");
    };
    await survives(t, scene, breakIt, () => heal());
  });

  test("has lost the table (42P01)", async (t) => {
    await using scene = await startScene();
    await survives(
      t,
      scene,
      () => server.query(`drop table ${scene.table}`),
      () => undefined,
    );
  });
});

suite("connections to PostgreSQL", { skip: postgresMissing }, () => {
  const start = (more: object = {}) => {
    const table = `pool_${++tables}`;
    const settings = postgresSettings.parse({ url: server.url, table, ...more });
    const codec = createFrameCodec({ secrets: [], rejected() {} });
    const tier = createPostgresTier(settings, { clock: systemClock, random: () => 0.5, codec });
    return Object.assign(tier, { table, [Symbol.asyncDispose]: async () => tier.close() });
  };
  const open = async (more: object = {}) => {
    const tier = start(more);
    await answering(tier);
    return tier;
  };
  const ours = () =>
    server.query("select pid, application_name from pg_stat_activity where application_name = 'spillway-cache'");

  test("a look that finds all of them busy fails after 50 ms, and the server ends what keeps them after 200 ms", async () => {
    await using tier = await open({ maxConnections: 1 });
    await tier.set("a", entryOf("1"));
    const heal = await lookThrough(tier.table, "perform pg_sleep(10)");
    const took = stopwatch();
    const look = async (): Promise<{ readonly message: string; readonly took: Took }> => {
      try {
        await tier.get("a", () => "");
        return { message: "found", took: took() };
      } catch (thrown) {
        return { message: (thrown as Error).message, took: took() };
      }
    };
    const [first, ...others] = await Promise.all([look(), look(), look(), look()]);
    for (const { message, took } of others) {
      assert.match(message, /no connection was free within 50 ms/);
      // Not later than what keeps the connection: the rest above 50 ms is a busy machine.
      assert.ok(took.real >= 49 && took.real < first.took.real, `${took.real} ms`);
    }
    assert.match(first.message, /statement timeout/);
    assert.ok(first.took.real >= 199 && first.took.fair < 600, `${first.took.real} ms`);
    await heal();
    assert.equal(String((await tier.get("a", () => ""))?.body), "1");
  });

  test("there are as many as are allowed and one for the upkeep, and none after closing", async () => {
    await until(async () => (await ours()).length === 0, { what: "those of other tests are gone" });
    const tier = await open({ maxConnections: 3 });
    try {
      await tier.set("a", entryOf("1"));
      // A connection that takes its time is there with the next hundred; one too many would stay.
      await until(
        async () => {
          await Promise.allSettled(Array.from({ length: 100 }, async () => tier.get("a", () => "")));
          return (await ours()).length === 3 + 1;
        },
        { what: "all connections that are allowed are there" },
      );
    } finally {
      await tier.close();
    }
    await until(async () => (await ours()).length === 0, { what: "all connections are closed" });
  });

  test("two connections for requests and one for the upkeep are tried once a second while there is no server", async (t) => {
    await using proxy = await startFaultProxy(server.port);
    await proxy.set({ kind: "reset" });
    await using tier = start({ url: `postgres://guest@127.0.0.1:${proxy.port}/postgres` });
    const startedAt = performance.now();
    while (performance.now() < startedAt + 3500) {
      await assert.rejects(async () => tier.get("a", () => ""));
      await sleep(1);
    }
    // At once, and every 1 to 1.2 s from then on.
    const most = 3 * (1 + Math.floor((performance.now() - startedAt) / 1000));
    t.diagnostic(`${proxy.connections} attempts, ${most} at most`);
    assert.ok(proxy.connections >= 4 && proxy.connections <= most, `${proxy.connections} attempts, ${most} at most`);
  });
});
